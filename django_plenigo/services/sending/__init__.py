"""Tells the vendor what is out of step: `deliver_due`."""

from django_plenigo.services.sending.delivering import Delivery, Step, deliver_due

__all__ = ["Delivery", "Step", "deliver_due"]
