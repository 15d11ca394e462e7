"""What our script asks. Loaded at the first request only, since it imports DRF."""

from django_plenigo.api.views import CheckoutView, CsrfTokenView, LoginTokenView, PurchaseView

__all__ = ["CheckoutView", "CsrfTokenView", "LoginTokenView", "PurchaseView"]
