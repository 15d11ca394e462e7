"""What tests of file imports share."""

import pytest

from tests.factories import LinkFactory


@pytest.fixture
def links(db):
    """Four customers, CUSTOMER-1 to CUSTOMER-4, with the external ids E1 to E4."""
    return [LinkFactory(customer_id=f"CUSTOMER-{number}", external_id=f"E{number}") for number in range(1, 5)]
