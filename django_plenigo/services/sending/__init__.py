"""Tells the vendor what is out of step: `deliver_due`."""

from django_plenigo.services.sending.delivering import Delivery, Observer, Step, deliver_due
from django_plenigo.services.sending.turns import Turn

__all__ = ["Delivery", "Observer", "Step", "Turn", "deliver_due"]
