"""OkePay and Payrexx (docs/protocols/okepay.md): a portal of PLENIGO_PORTALS. Loaded at its first use."""

from django_plenigo.protocols.okepay.portal import OkePay

__all__ = ["OkePay"]
