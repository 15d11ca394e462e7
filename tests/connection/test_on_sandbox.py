"""From the form to the article, with the sandbox in plenigo's place: nobody is told the code but its outbox."""

import pytest

from django_plenigo.sandbox.identifiers import access_right_id_of, offer_id_of
from django_plenigo.sandbox.models import SentMessage
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
