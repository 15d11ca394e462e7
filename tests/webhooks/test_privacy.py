"""No body, signature or token stays anywhere once the work is done: not in a log, a table, a cache, an error report."""

import logging

import pytest
from django.apps import apps
from django.core import serializers
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils.log import AdminEmailHandler

from django_plenigo.models import WebhookDelivery
from django_plenigo.protocols.base import PortalCustomerSeen
from django_plenigo.services import due_work
from tests.webhooks.vendor import HEADER, SECRET, TOKEN, purchase, signature

pytestmark = pytest.mark.django_db(transaction=True)

#: Put together at run time, since tracebacks quote the lines of this file.
MARK = "dribyranac"[::-1]


def everything_in_the_database() -> str:
    models = [*apps.get_app_config("plenigo").get_models(), *apps.get_app_config("admin").get_models()]
    return "".join(serializers.serialize("json", model._base_manager.all()) for model in models)


def test_nothing_of_a_delivery_is_left_once_it_is_worked_on(shop, deliver, buyer, caplog):
    caplog.set_level(logging.DEBUG)
    shop.takes_token = True
    shop.known["4711"] = PortalCustomerSeen("4711", "ours-1", "reader@example.com", is_valid=True)
    told = {"purchases": [purchase(object_id=MARK)]}
    deliver(told)
    deliver(told, query=f"?token={TOKEN}", Accept="*/*")
    deliver({"purchases": [purchase(email=f"{MARK}@example.com")]})
    deliver({"purchases": [purchase(email=f"{MARK}@example.com")]}, **{HEADER: MARK})
    deliver(b"{" + MARK.encode())
    deliver(told, query=f"?token={MARK}", Accept="*/*")
    due_work.run_due_work()
    assert not WebhookDelivery.objects.exclude(body=None).exists()
    places = [everything_in_the_database(), caplog.text, str(getattr(cache, "_cache", ""))]
    for hidden in (MARK, TOKEN, SECRET, signature(b"{" + MARK.encode())):
        assert [place for place in places if hidden in place] == []


class Reports(AdminEmailHandler):
    """Keeps what the site's developers would be mailed."""

    def __init__(self) -> None:
        super().__init__(include_html=True)
        self.sent: list[str] = []

    def send_mail(self, subject, message, *args, html_message=None, **options):
        self.sent.append(f"{subject} {message} {html_message}")


@pytest.fixture
def reports():
    """What the site's developers are mailed."""
    handler = Reports()
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    yield handler.sent
    logger.removeHandler(handler)


@pytest.mark.parametrize(("raised", "status"), [(DatabaseError, 503), (KeyError, 500)])
def test_error_report_shows_neither_body_nor_signature_nor_token(shop, deliver, reports, client, raised, status):
    def store_nothing(execute, sql, params, many, context):
        if sql.startswith("INSERT"):
            raise raised(f"{params} {TOKEN}") if raised is DatabaseError else raised
        return execute(sql, params, many, context)

    client.raise_request_exception = False
    body = b'{"purchases": [], "x": "' + MARK.encode() + b'"}'
    with connection.execute_wrapper(store_nothing):
        response = deliver(body, query=f"?token={TOKEN}", **{HEADER: signature(body)})
    assert response.status_code == status
    (report,) = reports
    assert "webhooks/shop" in report
    assert [hidden for hidden in (MARK, TOKEN, signature(body)) if hidden in report] == []
