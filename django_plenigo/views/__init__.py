"""The pages of this app: back from a checkout, connecting a subscription, too many devices, the portals."""

from django_plenigo.views.connecting import connect, connect_code, connect_done, resend_code
from django_plenigo.views.devices import devices
from django_plenigo.views.portals import portal, portal_list
from django_plenigo.views.returning import return_from_checkout

__all__ = [
    "connect",
    "connect_code",
    "connect_done",
    "devices",
    "portal",
    "portal_list",
    "resend_code",
    "return_from_checkout",
]
