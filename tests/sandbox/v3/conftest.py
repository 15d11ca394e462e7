"""What the tests of API v3 share."""

from typing import Any

import pytest

from django_plenigo.sandbox.models import Customer, Purchase, SsoSettings
from django_plenigo.sandbox.testing import Sandbox
from tests.sandbox.v3.client import ApiV3


@pytest.fixture
def v3(db: None) -> ApiV3:
    """API v3, called as the demo company."""
    return ApiV3()


@pytest.fixture
def erna(sandbox: Sandbox) -> Customer:
    """A customer who was imported without an e-mail address."""
    return sandbox.import_customer().customer


@pytest.fixture
def subscription(erna: Customer) -> Purchase:
    """What she has subscribed to."""
    return erna.purchases.get()


@pytest.fixture
def settings_of_sso(sandbox: Sandbox) -> Any:
    """Change settings of the single sign-on."""

    def change(**values: Any) -> None:
        SsoSettings.objects.filter(company=sandbox.company).update(**values)

    return change
