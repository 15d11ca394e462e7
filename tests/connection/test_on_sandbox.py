"""From the form to the article, with the sandbox in plenigo's place: nobody is told the code but its outbox."""

import json

import pytest

from django_plenigo.models import ConnectionTry
from django_plenigo.sandbox.identifiers import access_right_id_of, offer_id_of
from django_plenigo.sandbox.models import Customer, SentMessage
from django_plenigo.sandbox.seed import MONTHLY
from django_plenigo.services import customers
from django_plenigo.signals import account_connected
from tests.connection.conftest import text_of
from tests.vendor_in_memory import has_verified_email

pytestmark = pytest.mark.django_db


@pytest.fixture
def merchant(sandbox, settings):
    """What the merchant backend says; its monthly subscription opens what the site calls DAYPASS."""
    names = {"offer_id": offer_id_of(MONTHLY), "access_right_id": access_right_id_of(MONTHLY)}
    settings.PLENIGO = {
        "default": {
            "API": "v3",
            "MODE": "sandbox",
            "DELIVERY": "",
            "PRODUCTS": {"DAYPASS": names},
            "CONNECTION_ANSWER_SECONDS": 0,
            "EMAIL_IS_VERIFIED": f"{has_verified_email.__module__}.{has_verified_email.__name__}",
        }
    }
    return sandbox.company


@pytest.fixture
def subscription(sandbox, merchant):
    """A monthly subscription that was imported without an e-mail address."""
    return sandbox.import_customer(postcode="20095")


@pytest.fixture
def told():
    """Whose accounts the site is told of, as users and numbers of customers."""
    told = []

    def receive(sender, link, user, **kwargs):
        told.append((user, link.customer_id))

    account_connected.connect(receive)
    yield told
    account_connected.disconnect(receive)


def by_email(company, user):
    return user.email, {}, "by e-mail to your address"


def by_sms(company, user):
    company.has_sms_provider = True
    company.save()
    company.sso_settings.token_type = "SMS"
    company.sso_settings.token_sms_countries = "DE"
    company.sso_settings.save()
    return "+4915112345678", {"mobile_number": "+49 151 / 123 456 78"}, "by SMS to your mobile number"


@pytest.mark.parametrize("channel", [by_email, by_sms])
def test_reader_goes_from_the_form_to_the_article_by_the_code_of_the_outbox(
    sandbox, merchant, subscription, browser, user, told, django_capture_on_commit_callbacks, channel
):
    recipient, details, words = channel(merchant, user)
    number = subscription.customer.number
    assert "the whole article" not in text_of(browser.get("/gated/"))
    assert "do not match" in text_of(browser.start(customer_id=number, postcode="99999", **details))
    assert SentMessage.objects.count() == 0

    page = text_of(browser.start(customer_id=number, postcode="20095", **details))
    (code,) = sandbox.sent_codes(recipient)
    kept = str(dict(browser.session))
    assert (words in page, code in page, code in kept) == (True, False, False)
    assert customers.link_of(user) is None

    with django_capture_on_commit_callbacks(execute=True):
        page = text_of(browser.enter(code))
    assert "Your subscription is connected." in page
    assert told == [(user, number)]
    assert customers.link_of(user).customer_id == number
    assert sandbox.customer(number).email == user.email
    assert text_of(browser.get("/gated/")) == "the whole article"


def shut_out(customer, *, is_shut_out=True):
    status = Customer.Status.DEACTIVATED if is_shut_out else Customer.Status.ACTIVATED
    Customer.objects.filter(pk=customer.pk).update(status=status)


BLOCKED = "This subscription is blocked at the moment, and cannot be connected. Please contact us."


@pytest.mark.parametrize("step", ["code", "resend"])
def test_reader_whose_customer_is_shut_out_meanwhile_is_not_told_that_her_code_is_wrong(
    sandbox, subscription, browser, user, step
):
    customer = subscription.customer
    browser.start(customer_id=customer.number, postcode="20095")
    shut_out(customer)
    answer = browser.enter(sandbox.sent_codes(user.email)[-1]) if step == "code" else browser.resend()
    page = text_of(answer)
    assert (BLOCKED in page, "code is not right" in page) == (True, False)
    assert ConnectionTry.objects.latest("pk").outcome == "customer_blocked"


def test_reader_whose_customer_was_shut_out_is_locked_for_nothing_and_connects_once_he_is_let_in(
    sandbox, subscription, browser, user
):
    customer = subscription.customer
    for _ in range(5):
        browser.start(customer_id=customer.number, postcode="20095")
        shut_out(customer)
        browser.enter(sandbox.sent_codes(user.email)[-1])
        shut_out(customer, is_shut_out=False)
    browser.start(customer_id=customer.number, postcode="20095")
    assert "Your subscription is connected." in text_of(browser.enter(sandbox.sent_codes(user.email)[-1]))


@pytest.mark.parametrize("step", ["code", "resend"])
def test_front_end_is_told_that_the_customer_is_shut_out(sandbox, subscription, browser, user, step):
    def send(path, **data):
        return browser.post(f"/plenigo/api/connection/{path}", json.dumps(data), content_type="application/json")

    customer = subscription.customer
    send("", customer_id=customer.number, postcode="20095", password="a-new-password")
    shut_out(customer)
    answer = send("code/", code=sandbox.sent_codes(user.email)[-1]) if step == "code" else send("resend/")
    assert answer.status_code == 409
    assert answer.json() == {"state": "start", "event": "customer_blocked", "detail": BLOCKED}


def test_username_that_is_missing_is_not_blamed_on_the_code(sandbox, subscription, browser, user):
    browser.start(customer_id=subscription.customer.number, postcode="20095")
    sandbox.fail_next(400, body='{"errorCode": 20061, "errorMessage": "The user name is missing."}')
    page = text_of(browser.enter(sandbox.sent_codes(user.email)[-1]))
    assert "Some details cannot be accepted like this." in page
    assert "code is not right" not in page
