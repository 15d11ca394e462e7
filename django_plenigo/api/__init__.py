"""What our script asks. Loaded at the first request only, since it imports DRF."""

from django_plenigo.api.connecting import ConnectionCodeView, ConnectionResendView, ConnectionView, SignInView
from django_plenigo.api.devices import DevicesView, TransferTokenView
from django_plenigo.api.snippets import LoginTokensView
from django_plenigo.api.views import CheckoutView, CsrfTokenView, LoginTokenView, PurchaseView

__all__ = [
    "CheckoutView",
    "ConnectionCodeView",
    "ConnectionResendView",
    "ConnectionView",
    "CsrfTokenView",
    "DevicesView",
    "LoginTokenView",
    "LoginTokensView",
    "PurchaseView",
    "SignInView",
    "TransferTokenView",
]
