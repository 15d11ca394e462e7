"""Makes files of a portal's references, and tells who is bound."""

from allauth.account.models import EmailAddress

from django_plenigo.models import PortalAccount
from tests.access_imports.files import csv_file

HEADER = "username,reference"


def file_of(*lines, header=HEADER):
    return csv_file(*lines, header=header)


def bind(user, reference, portal="okepay", **fields):
    """Bind a user as a webhook does it."""
    return PortalAccount.objects.create(portal=portal, user=user, reference=reference, provenance="webhook", **fields)


def verify(user, email=None, **fields):
    """Let allauth have confirmed an address of a user, her own by default."""
    values = {"email": email or user.email, "verified": True, "primary": True, **fields}
    return EmailAddress.objects.create(user=user, **values)


def bound(portal="okepay"):
    """User name and reference of everybody who has one."""
    accounts = PortalAccount.objects.filter(portal=portal).exclude(reference=None).order_by("user__username")
    return list(accounts.values_list("user__username", "reference"))
