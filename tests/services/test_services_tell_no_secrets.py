"""An error that leaves a service shows neither the reader's address nor her ids, on any error page."""

import traceback

import pytest
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from django_plenigo.errors import PlenigoError
from django_plenigo.models import CustomerLink
from django_plenigo.services import access, checkout, customers
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

#: Put together at run time, since tracebacks quote the lines of this file.
MARK = "dribyranac"[::-1]
CUSTOMER_ID = "3192748"[::-1]


@pytest.fixture
def marked_reader(sandbox):
    """A registered reader of whom everything is marked."""
    reader = UserFactory(username=f"{MARK}1", email=f"{MARK}2@example.com", first_name=f"{MARK}3")
    customers.register(reader)
    CustomerLink.objects.update(customer_id=CUSTOMER_ID)
    return reader


def pages_of(error):
    """Everything that error pages and error trackers print of an error."""
    reporter = ExceptionReporter(RequestFactory().get("/"), type(error), error, error.__traceback__)
    summary = traceback.TracebackException.from_exception(error, capture_locals=True)
    # The test's own frame holds the reader; what our frames hold is looked at.
    ours = [frame for frame in summary.stack if "django_plenigo" in frame.filename]
    texts = [value for frame in ours for value in (frame.locals or {}).values()]
    return "\n".join([str(error), repr(error), *texts]), reporter.get_traceback_html()


@pytest.mark.parametrize(
    "verb",
    [
        lambda reader, link: checkout.mint_login(link),
        lambda reader, link: access.has_bought(reader, ["DAYPASS"]),
        lambda reader, link: checkout.open_checkout(
            reader, checkout.Offer(checkout.CheckoutOrder("DAYPASS"), checkout.CheckoutOptions(), "default")
        ),
    ],
    ids=["mint_login", "has_bought", "open_checkout"],
)
def test_failing_verb_shows_no_id_and_no_address(sandbox, marked_reader, settings, verb):
    settings.DEBUG = True
    link = CustomerLink.objects.get()
    sandbox.fail_next(status=500, times=20, body=f'{{"error": "{MARK}5"}}')
    with pytest.raises(PlenigoError) as caught:
        verb(marked_reader, link)
    ours, _ = pages_of(caught.value)
    assert MARK not in ours
    assert CUSTOMER_ID not in ours


def test_failing_registration_shows_no_address_on_the_error_page(sandbox, settings):
    settings.DEBUG = True
    sandbox.fail_next(status=500, times=20, body=f'{{"error": "{MARK}5"}}')
    try:
        customers.register(UserFactory(email=f"{MARK}2@example.com", username="plain"))
    except PlenigoError as error:
        ours, page = pages_of(error)
    assert MARK not in ours
    assert MARK not in page
