"""What the tests of callbacks share."""

import pytest
from django.contrib.auth import get_user_model

from django_plenigo.sandbox import callbacks
from django_plenigo.sandbox.models import Callback
from tests.sandbox.callbacks.receiving import Site
from tests.sandbox.v3.client import ApiV3


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def v3(db):
    return ApiV3()


@pytest.fixture
def callback(sandbox):
    """A callback that is told of everything."""
    return Callback.objects.create(company=sandbox.company, url="https://site.example/", events=callbacks.EVENT_NAMES)


@pytest.fixture
def staff(client, db):
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "x"))
    return client
