"""2Checkout (docs/protocols/2checkout.md): a portal of PLENIGO_PORTALS. Loaded at its first use; it brings requests."""

from django_plenigo.protocols.twocheckout.portal import TokenCustomer, TwoCheckout

__all__ = ["TokenCustomer", "TwoCheckout"]
