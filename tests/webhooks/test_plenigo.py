"""What plenigo's callbacks do to a site: on the sandbox, both ways."""

from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone

from django_plenigo.errors import NoAnswerError
from django_plenigo.models import CustomerLink, CustomerSession, RemoteChange, WebhookDelivery
from django_plenigo.protocols.base import CustomerEvent
from django_plenigo.sandbox import callbacks, seed
from django_plenigo.sandbox.customers import change_email
from django_plenigo.sandbox.events import CallbackType, tell_of_customer
from django_plenigo.sandbox.models import Callback
from django_plenigo.services import access, customers, due_work, webhooks
from django_plenigo.services.access import keeping
from django_plenigo.services.webhooks import following
from tests.factories import LinkFactory, UserFactory
from tests.webhooks.conftest import URL

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def callback(sandbox, on_v3):
    """A callback that is told of everything, to an account that knows its secret."""
    address = f"https://site.example{URL.format('plenigo')}"
    callback = Callback.objects.create(company=sandbox.company, url=address, events=callbacks.EVENT_NAMES)
    on_v3(WEBHOOK_SECRETS=["the secret of another callback", callback.secret])
    return callback


@pytest.fixture
def customer(callback, sandbox, user, told):
    """A reader who is a customer; of that the site has been told."""
    customers.register(user)
    told()
    sandbox.calls.clear()
    return CustomerLink.objects.get(user=user)


@pytest.fixture
def told(sandbox, client):
    """Have the vendor tell what has happened, and the site do what is due; return what came of each delivery."""

    def post(url, body, headers):
        headers = dict(headers)
        content_type = headers.pop("Content-Type")
        return client.post(url, body, content_type=content_type, headers=headers).status_code

    def told():
        before = set(WebhookDelivery.objects.values_list("pk", flat=True))
        while sandbox.send_callbacks(post):
            due_work.run_due_work()
        new = WebhookDelivery.objects.exclude(pk__in=before).order_by("pk")
        assert not new.exclude(body=None).exists()
        return [row.reason for row in new]

    return told


def age(link, **since):
    """Let it be long ago that this site told plenigo something of a customer."""
    CustomerLink.objects.filter(pk=link.pk).update(confirmed_at=timezone.now() - timedelta(**since))


def delete(row):
    """Delete a customer as the merchant backend does."""
    tell_of_customer(row, CallbackType.DELETION)
    row.delete()


def test_address_that_was_changed_at_plenigo_is_known_here_and_plenigo_is_told_ours_again(sandbox, customer, told):
    age(customer, hours=1)
    change_email(sandbox.customer(customer.customer_id), "changed.there@example.com")
    assert told() == ["refreshed", "in_step"]  # the second is the echo of our own change
    customer.refresh_from_db()
    assert customer.confirmed_email == customer.user.email
    assert sandbox.customer(customer.customer_id).email == customer.user.email


def test_echo_of_our_own_change_ends_here(sandbox, customer, told):
    customer.user.email = "new@example.com"
    customer.user.save()
    due_work.run_due_work()
    sandbox.calls.clear()
    assert told() == ["in_step"]
    assert len(sandbox.calls) == 1  # plenigo was asked once, and told nothing
    assert told() == []


def test_address_that_plenigo_keeps_in_another_spelling_makes_no_endless_loop(sandbox, customer, told, monkeypatch):
    """As if plenigo wrote each address that it is told another way."""
    row = sandbox.customer(customer.customer_id)
    for number in range(3):
        change_email(row, f"spelling{number}@example.com")  # within minutes of what this site has told
    assert set(told()) == {"refreshed", "in_step"}
    customer.refresh_from_db()
    assert customer.confirmed_email == "spelling2@example.com"
    assert sandbox.customer(customer.customer_id).email == "spelling2@example.com"
    assert customers.request_email_sync(customer.user)  # the next log-in finds it


def test_capital_letters_are_no_other_address(sandbox, customer, told):
    age(customer, hours=1)
    change_email(sandbox.customer(customer.customer_id), customer.user.email.upper())
    assert told() == ["in_step"]


def test_purchase_at_plenigo_drops_what_was_kept_of_the_readers_access(sandbox, customer, told, shared_cache):
    assert access.check_access(customer.user, ["DAYPASS"]) is not access.Access.BOUGHT
    sandbox.buy(customer.customer_id, seed.DAY_PASS)
    assert told()
    assert access.kept_answers(customer.user) == []
    assert access.check_access(customer.user, ["DAYPASS"]) is access.Access.BOUGHT


def test_all_accounts_of_the_company_ask_anew(sandbox, customer, told, settings):
    settings.PLENIGO = {**settings.PLENIGO, "weekly": {**settings.PLENIGO["default"], "WEBHOOK_SECRETS": []}}
    weekly = LinkFactory(user=customer.user, account="weekly", customer_id=customer.customer_id)
    age(weekly, hours=1)
    CustomerLink.objects.filter(pk=weekly.pk).update(confirmed_email="drifted@example.com")
    for alias in ("default", "weekly"):
        account = keeping.conf.Account(alias)
        keeping.keep_besides(account, customer.user, {"answers": {"X": (True, 9e9, 9e9)}})
    sandbox.buy(customer.customer_id, seed.DAY_PASS)
    assert told()
    for alias in ("default", "weekly"):
        assert access.kept_answers(customer.user, using=alias) == []
    weekly.refresh_from_db()
    assert weekly.confirmed_email == customer.user.email


def test_customer_who_was_deleted_at_plenigo_stands_among_the_conflicts(sandbox, customer, told):
    CustomerSession.objects.create(link=customer, encrypted_session="x", started_at=timezone.now())
    delete(sandbox.customer(customer.customer_id))
    assert told() == ["customer_gone"]
    change = RemoteChange.objects.get(link=customer, kind="change_email")
    assert (change.is_refused, change.last_error_type) == (True, "NotFoundError")
    assert not CustomerSession.objects.exists()
    assert CustomerLink.objects.filter(pk=customer.pk).exists()  # an agent decides


def test_conflict_is_noted_once_however_often_the_customer_is_asked_about(sandbox, customer, told):
    delete(sandbox.customer(customer.customer_id))
    told()
    noted = RemoteChange.objects.get(link=customer, kind="change_email").noted
    assert noted == 1
    event = CustomerEvent(customer.customer_id, is_deleted=True)
    assert following.follow_customer("default", event) == "customer_gone"
    assert RemoteChange.objects.get(link=customer, kind="change_email").noted == noted


def test_customer_who_is_gone_before_a_delivery_about_her_purchase_is_asked_about_anew(sandbox, customer, shared_cache):
    """No delivery of the deletion is needed for what was kept of her access to be dropped."""
    keeping.keep_besides(keeping.conf.Account("default"), customer.user, {"answers": {"X": (True, 9e9, 9e9)}})
    sandbox.customer(customer.customer_id).delete()
    changed_address = CustomerEvent(customer.customer_id, changes_access=False)
    assert following.follow_customer("default", changed_address) == "customer_gone"
    assert access.kept_answers(customer.user) == []


def test_link_of_an_account_on_api_v2_is_not_compared_by_an_id_of_api_v3(sandbox, customer, settings):
    """Both generations give ids: the same one may be somebody else's there."""
    settings.PLENIGO = {**settings.PLENIGO, "old": {**settings.PLENIGO["default"], "API": "v2"}}
    namesake = LinkFactory(account="old", customer_id=customer.customer_id)
    CustomerLink.objects.filter(pk=namesake.pk).update(confirmed_email="namesake@example.com", confirmed_at=None)
    assert following.follow_customer("default", CustomerEvent(customer.customer_id)) == "in_step"
    namesake.refresh_from_db()
    assert namesake.confirmed_email == "namesake@example.com"


def test_deletion_that_is_none_does_no_more_than_ask(sandbox, customer):
    event = CustomerEvent(customer.customer_id, is_deleted=True)
    assert following.follow_customer("default", event) == "in_step"


def test_customer_who_is_no_reader_is_not_asked_about(callback, sandbox, told):
    sandbox.create_customer("stranger@example.com")
    sandbox.calls.clear()
    assert told() == ["not_linked"]
    assert sandbox.calls == []


def test_id_that_api_v2_has_given_is_nobodys_here(callback, sandbox, told):
    stranger = sandbox.create_customer("stranger@example.com")
    LinkFactory(customer_id=stranger.number, customer_id_generation="v2")
    assert told() == ["not_linked"]


def test_late_delivery_does_no_harm(sandbox, customer, told):
    """What is in the delivery is out of date: plenigo is asked for what is true now."""
    age(customer, hours=1)
    row = sandbox.customer(customer.customer_id)
    change_email(row, "detour@example.com")
    change_email(row, customer.user.email)
    assert set(told()) == {"in_step"}


def test_plenigo_that_does_not_answer_is_asked_again(sandbox, customer, told):
    age(customer, hours=1)
    change_email(sandbox.customer(customer.customer_id), "changed.there@example.com")
    sandbox.fail_next(503, times=None)
    WebhookDelivery.objects.all().delete()
    with pytest.raises(AssertionError):
        told()  # its body is kept
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.last_error_type) == ("waiting", "RemoteUnavailableError")
    sandbox.clear_faults()
    cache.clear()  # the circuit breaker
    with time_machine.travel(timezone.now() + timedelta(minutes=5)):
        due_work.run_due_work()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("done", "refreshed")


def test_link_that_a_worker_is_changing_all_the_time_is_looked_at_later(sandbox, customer, monkeypatch):
    age(customer, hours=1)
    change_email(sandbox.customer(customer.customer_id), "changed.there@example.com")
    reader = following.backends.customer_reader()

    class Racing:
        def read_customer(self, ref):
            found = reader.read_customer(ref)
            CustomerLink.objects.update(confirmed_at=timezone.now())  # a worker has told plenigo meanwhile
            return found

    monkeypatch.setattr(following.backends, "customer_reader", lambda account: Racing())
    with pytest.raises(NoAnswerError, match="link is being changed"):
        following.follow_customer("default", CustomerEvent(customer.customer_id))


def test_callback_that_is_too_old_says_by_how_much(callback, sandbox, client, told):
    sandbox.create_customer("stranger@example.com")
    with time_machine.travel(timezone.now() + timedelta(hours=40)):
        assert told() == ["too old"]
        refused = WebhookDelivery.objects.get()
    assert "seconds ago; 129600 are allowed" in refused.last_error
    assert str(webhooks.words_of(refused.reason).meaning) == "It was signed too long ago."


def test_second_reader_is_left_alone(sandbox, customer, told):
    other = UserFactory()
    customers.register(other)
    told()
    keeping.keep_besides(keeping.conf.Account("default"), other, {"answers": {"X": (True, 9e9, 9e9)}})
    sandbox.buy(customer.customer_id, seed.DAY_PASS)
    told()
    assert len(access.kept_answers(other)) == 1
