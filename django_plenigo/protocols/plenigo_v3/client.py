"""The client of API v3: every operation of the vendor's document (docs/protocols/plenigo-v3.md)."""

from django_plenigo.protocols.plenigo_v3.access import AccessRights
from django_plenigo.protocols.plenigo_v3.customers import Customers
from django_plenigo.protocols.plenigo_v3.sessions import Sessions
from django_plenigo.protocols.plenigo_v3.sso import SingleSignOn


class PlenigoV3(Customers, Sessions, AccessRights, SingleSignOn):
    """One company's door to plenigo's API v3.

    Every verb raises `InvalidValueError` before anything is sent, and `RemoteError`. A customer who is addressed by the
    site's external id costs one call more, which finds the vendor's id.
    """
