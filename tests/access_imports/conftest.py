"""What tests of file imports share."""

import pytest

from tests.factories import LinkFactory, UserFactory


@pytest.fixture
def links(db):
    """Four customers, CUSTOMER-1 to CUSTOMER-4, with the external ids E1 to E4."""
    return [LinkFactory(customer_id=f"CUSTOMER-{number}", external_id=f"E{number}") for number in range(1, 5)]


@pytest.fixture
def two_portals(settings):
    """Two portals of the settings."""
    settings.PLENIGO_PORTALS = {name: {"BACKEND": "tests.site.portals.Harbour"} for name in ("okepay", "2checkout")}


@pytest.fixture
def users(db):
    """Three readers of the site: ada, bea and cyd."""
    return [UserFactory(username=name, email=f"{name}@example.com") for name in ("ada", "bea", "cyd")]
