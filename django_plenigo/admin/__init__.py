"""The support agent's pages in Django's admin. A site puts `CustomerPanelMixin` before the bases of its user admin."""

from django_plenigo.admin.access_imports import AccessImportAdmin
from django_plenigo.admin.changes import RemoteChangeAdmin
from django_plenigo.admin.connections import AccountConnectionAdmin
from django_plenigo.admin.links import CustomerLinkAdmin
from django_plenigo.admin.portals import PortalAccountAdmin, PortalHandoverAdmin
from django_plenigo.admin.users import CustomerPanelMixin
from django_plenigo.admin.webhooks import WebhookDeliveryAdmin

__all__ = [
    "AccessImportAdmin",
    "AccountConnectionAdmin",
    "CustomerLinkAdmin",
    "CustomerPanelMixin",
    "PortalAccountAdmin",
    "PortalHandoverAdmin",
    "RemoteChangeAdmin",
    "WebhookDeliveryAdmin",
]
