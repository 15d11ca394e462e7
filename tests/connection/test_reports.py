"""A report of an error, as it is mailed to the developers, shows nothing that a reader has entered."""

import json
import sys

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import ExceptionReporter

from django_plenigo.services import checkout, connection
from tests.connection.conftest import DETAILS

pytestmark = pytest.mark.django_db

SECRETS = {**DETAILS, "customer_id": "7654321", "postcode": "20095", "code": "C0DE99", "customer_session": "a-session"}


def variables_of_our_frames(visit):
    """Return what Django would mail of an error that nobody has expected, of this package's own frames."""
    try:
        visit()
    except RuntimeError:
        reporter = ExceptionReporter(RequestFactory().get("/"), *sys.exc_info())
        frames = [frame for frame in reporter.get_traceback_frames() if "/django_plenigo/" in frame["filename"]]
        return "\n".join(f"{frame['function']}: {frame['vars']}" for frame in frames)
    raise AssertionError("nothing was raised")


def as_json(browser, path):
    def visit():
        browser.post(f"/plenigo/api/{path}/", json.dumps(SECRETS), content_type="application/json")

    return visit


@pytest.mark.parametrize(
    "visit",
    [
        lambda browser: lambda: browser.start(customer_id=SECRETS["customer_id"], postcode=SECRETS["postcode"]),
        lambda browser: lambda: browser.enter(SECRETS["code"]),
        lambda browser: browser.resend,
        lambda browser: as_json(browser, "connection"),
        lambda browser: as_json(browser, "connection/code"),
        lambda browser: as_json(browser, "connection/resend"),
        lambda browser: as_json(browser, "sign-in"),
    ],
)
def test_mistake_of_ours_shows_nothing_that_was_entered(stand_in, imported, browser, settings, user, visit):
    settings.DEBUG = False
    browser.start()
    token = connection.kept_process(browser.session, user, using="default").token
    stand_in.failures = [RuntimeError("a mistake")]
    text = variables_of_our_frames(visit(browser))
    assert "using" in text or "self" in text  # there is something to see
    assert [secret for secret in (*SECRETS.values(), token) if secret in text] == []


@pytest.mark.parametrize("is_reader", [False, True])
def test_mistake_of_ours_after_a_purchase_shows_no_session(stand_in, settings, user, monkeypatch, is_reader):
    settings.DEBUG = False
    target = checkout.PurchaseReturn(("DAYPASS",), "/article/", "default")
    address = f"{reverse('plenigo:purchase')}?{checkout.return_path(target).partition('?')[2]}"
    sent = json.dumps({"order_id": 4711, "customer_session": SECRETS["customer_session"]})
    browser = Client()

    def visit():
        browser.post(address, sent, content_type="application/json")

    if is_reader:
        visit()
        browser.force_login(user)
        stand_in.failures = [RuntimeError("a mistake")]
    else:

        def fail(*args):
            raise RuntimeError("a mistake")

        monkeypatch.setattr("django_plenigo.backends.encrypted", fail)
    text = variables_of_our_frames(visit)
    assert "post: " in text
    assert SECRETS["customer_session"] not in text
