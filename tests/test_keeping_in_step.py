"""What becomes of each way to change an address: docs/keeping-in-step.md, row by row."""

from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone

from django_plenigo.errors import ConflictError, InvalidValueError, NotFoundError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import customers, sending
from django_plenigo.services.sending import Step
from django_plenigo.signals import email_change_confirmed, email_change_refused, email_change_requested
from tests.told import endpoint_of, rejection_of_email, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(reader):
    """The reader's link; its `customer_id` does not change."""
    return CustomerLink.objects.get(user=reader)


@pytest.fixture
def change_of(link):
    """What is noted of the reader's address, as it is now."""
    return lambda: RemoteChange.objects.get(link=link, kind="change_email")


@pytest.fixture
def remote_email(sandbox, link):
    """The address that the vendor knows, as it is now."""
    return lambda: sandbox.customer(link.customer_id).email


@pytest.fixture
def calls(sandbox):
    """What the vendor was told, by verbs."""
    return lambda: told(sandbox)


@pytest.fixture
def heard(django_capture_on_commit_callbacks):
    """The signals that were sent, by name, each with what it told."""
    told = []
    receivers = {
        email_change_requested: lambda user, accounts, **kwargs: told.append(("requested", user, accounts)),
        email_change_confirmed: lambda link, user, email, **kwargs: told.append(("confirmed", user, email)),
        email_change_refused: lambda link, user, error, **kwargs: told.append(("refused", user, type(error))),
    }
    for signal, receiver in receivers.items():
        signal.connect(receiver)
    yield told
    for signal, receiver in receivers.items():
        signal.disconnect(receiver)


def save_with(user, email):
    """Do what a form or an agent does."""
    user.email = email
    user.save()


def in_the_middle_of_the_call(act):
    """Deliver, and act once while a call is under way."""
    done = []

    def observe(step, claim):
        if step is Step.SENDING and not done:
            done.append(step)
            act()

    sending.deliver_due(workers=1, observe=observe)
    assert done


# ---- the address changes


def test_new_address_reaches_the_vendor(reader, link, change_of, remote_email):
    save_with(reader, "new@example.com")
    assert change_of().is_waiting
    sending.deliver_due()
    link.refresh_from_db()
    assert remote_email() == link.confirmed_email == "new@example.com"
    assert not change_of().is_waiting


def test_save_asks_no_vendor(sandbox, reader, calls):
    save_with(reader, "new@example.com")
    assert calls() == []


def test_agents_edit_in_the_admin_reaches_the_vendor(reader, admin_client, remote_email):
    page = f"/admin/auth/user/{reader.pk}/change/"
    fields = admin_client.get(page).context["adminform"].form.initial | {"email": "new@example.com"}
    sent = {name: value for name, value in fields.items() if isinstance(value, str) and value}
    sent |= {"date_joined_0": "2020-01-01", "date_joined_1": "12:00:00"}
    assert admin_client.post(page, sent).status_code == 302
    sending.deliver_due()
    assert remote_email() == "new@example.com"


def test_change_of_case_alone_reaches_the_vendor(reader, link, remote_email):
    save_with(reader, reader.email.upper())
    sending.deliver_due()
    assert remote_email() == reader.email.upper()
    link.refresh_from_db()
    assert link.confirmed_email == reader.email.upper()


def test_address_changed_twice_before_delivery_is_told_once(reader, calls, remote_email):
    for email in ("one@example.com", "two@example.com"):
        save_with(reader, email)
    sending.deliver_due()
    assert (calls(), remote_email()) == (["change_email"], "two@example.com")


def test_address_changed_back_before_delivery_leaves_both_sides_alike(reader, change_of, remote_email):
    first = reader.email
    for email in ("detour@example.com", first):
        save_with(reader, email)
    sending.deliver_due()
    assert remote_email() == first
    assert not change_of().is_waiting


def test_address_changed_again_while_the_call_is_under_way_ends_with_the_last(reader, link, calls, remote_email):
    save_with(reader, "one@example.com")
    in_the_middle_of_the_call(lambda: save_with(reader, "two@example.com"))
    link.refresh_from_db()
    assert calls() == ["change_email", "change_email"]
    assert remote_email() == link.confirmed_email == "two@example.com"


def test_address_changed_back_while_the_call_is_under_way_ends_with_the_first(reader, link, remote_email):
    first = reader.email
    save_with(reader, "detour@example.com")
    in_the_middle_of_the_call(lambda: save_with(reader, first))
    link.refresh_from_db()
    assert remote_email() == link.confirmed_email == first


# ---- the address is none


@pytest.mark.parametrize("email", ["", "  "])
def test_removed_address_is_refused_with_a_reason_and_the_vendor_keeps_the_last(
    reader, change_of, calls, remote_email, email
):
    last = reader.email
    save_with(reader, email)
    sending.deliver_due()
    change = change_of()
    assert (change.is_refused, change.last_error_type) == (True, "InvalidValueError")
    assert change.last_error == "email: the user has no e-mail address any more; plenigo keeps the last one"
    assert (calls(), remote_email()) == ([], last)


@pytest.mark.parametrize("back", ["new@example.com", "the last one"])
def test_address_that_comes_again_clears_the_refusal(reader, change_of, remote_email, back):
    email = reader.email if back == "the last one" else back
    save_with(reader, "")
    sending.deliver_due()
    save_with(reader, email)
    sending.deliver_due()
    change = change_of()
    assert (change.is_refused, change.is_waiting, change.last_error) == (False, False, "")
    assert remote_email() == email


def test_address_that_the_vendor_would_not_take_is_refused_without_a_call(reader, change_of, calls):
    save_with(reader, "ada@localhost")
    sending.deliver_due()
    assert (change_of().is_refused, calls()) == (True, [])
    assert change_of().last_error == "email: is no e-mail address that the vendor accepts"


def test_address_that_the_vendor_rejects_is_refused(sandbox, reader, change_of):
    sandbox.fail_next(400, endpoint=endpoint_of("change_email"), body=rejection_of_email())
    save_with(reader, "ada@nowhere.example")
    sending.deliver_due()
    assert change_of().last_error == "plenigo.change_email, HTTP 400, code invalid email"


# ---- the address is another customer's


@pytest.fixture
def taken(sandbox):
    """An address that another customer has."""
    return sandbox.create_customer(email="taken@example.com").email


def test_taken_address_is_refused_and_the_vendor_keeps_the_last(reader, taken, change_of, remote_email):
    last = reader.email
    save_with(reader, taken)
    sending.deliver_due()
    assert (change_of().is_refused, change_of().last_error_type) == (True, "ConflictError")
    assert remote_email() == last
    assert get_user_model().objects.get(pk=reader.pk).email == taken


def test_other_address_after_a_taken_one_clears_the_refusal(reader, taken, change_of, remote_email):
    save_with(reader, taken)
    sending.deliver_due()
    save_with(reader, "free@example.com")
    sending.deliver_due()
    assert (change_of().is_refused, change_of().is_waiting) == (False, False)
    assert remote_email() == "free@example.com"


def test_address_changed_back_after_a_refusal_clears_it(reader, taken, change_of, remote_email):
    first = reader.email
    save_with(reader, taken)
    sending.deliver_due()
    save_with(reader, first)
    sending.deliver_due()
    assert (change_of().is_refused, change_of().is_waiting) == (False, False)
    assert remote_email() == first


# ---- the customer or the user is gone


def test_customer_unknown_to_the_vendor_is_refused(sandbox, reader, link, change_of):
    sandbox.customer(link.customer_id).delete()
    save_with(reader, "new@example.com")
    sending.deliver_due()
    assert (change_of().is_refused, change_of().last_error_type) == (True, "NotFoundError")
    assert change_of().last_error.startswith("plenigo.change_email, HTTP 404")


def test_user_deleted_before_the_delivery_takes_the_note_along(reader, remote_email, calls):
    last = reader.email
    save_with(reader, "new@example.com")
    reader.delete()
    result = sending.deliver_due()
    assert (result.delivered, calls(), remote_email()) == (0, [], last)
    assert not RemoteChange.objects.exists()


def test_user_deleted_while_the_call_is_under_way_leaves_nothing_behind(
    reader, remote_email, heard, django_capture_on_commit_callbacks
):
    save_with(reader, "new@example.com")
    in_the_middle_of_the_call(reader.delete)
    assert remote_email() == "new@example.com"  # the call could not be stopped
    assert not RemoteChange.objects.exists()
    assert [name for name, *_ in heard if name == "confirmed"] == []


# ---- the vendor is down


def test_outage_only_delays(sandbox, reader, change_of, remote_email):
    save_with(reader, "new@example.com")
    sandbox.fail_next(status=503, times=None)
    sending.deliver_due()
    assert (change_of().is_waiting, change_of().attempts) == (True, 1)
    sandbox.clear_faults()
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        sending.deliver_due()
    assert remote_email() == "new@example.com"


def test_address_changed_in_an_outage_is_told_in_the_end(sandbox, reader, remote_email):
    save_with(reader, "one@example.com")
    sandbox.fail_next(status=503, times=None)
    sending.deliver_due()
    save_with(reader, "two@example.com")
    sandbox.clear_faults()
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        sending.deliver_due()
    assert remote_email() == "two@example.com"


# ---- transactions


@pytest.mark.django_db(transaction=True)
def test_save_that_is_rolled_back_notes_nothing(reader, change_of, heard):
    with transaction.atomic():
        save_with(reader, "new@example.com")
        transaction.set_rollback(True)
    assert (change_of().noted, heard) == (0, [])


@pytest.mark.django_db(transaction=True)
def test_save_in_a_transaction_is_told_after_the_commit(reader, change_of, heard):
    with transaction.atomic():
        save_with(reader, "new@example.com")
        assert heard == []
    assert change_of().is_waiting
    assert heard == [("requested", reader, ["default"])]


# ---- past the signals


@pytest.mark.parametrize("way", ["update", "bulk_update", "sql"])
def test_address_changed_past_the_signals_is_found_at_the_next_log_in(reader, client, remote_email, way):
    users = get_user_model().objects
    reader.email = "new@example.com"
    if way == "update":
        users.filter(pk=reader.pk).update(email=reader.email)
    elif way == "bulk_update":
        users.bulk_update([reader], ["email"])
    else:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE auth_user SET email = %s WHERE id = %s", [reader.email, reader.pk])
    sending.deliver_due()
    assert remote_email() != reader.email
    client.force_login(users.get(pk=reader.pk))
    sending.deliver_due()
    assert remote_email() == reader.email


# ---- signals


def test_signals_tell_the_request_and_the_confirmation(reader, heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        save_with(reader, "new@example.com")
        assert heard == []
    sending.deliver_due()
    assert heard == [("requested", reader, ["default"]), ("confirmed", reader, "new@example.com")]


@pytest.mark.parametrize(
    ("email", "error"),
    [("taken@example.com", ConflictError), ("", InvalidValueError), ("ada@localhost", InvalidValueError)],
)
def test_signal_tells_the_refusal_once(reader, taken, heard, email, error):
    save_with(reader, email)
    for _run in range(2):
        sending.deliver_due()
    assert heard == [("refused", reader, error)]


def test_signal_tells_once_that_the_address_is_removed_however_often_the_user_is_saved(reader, heard, client):
    for _again in range(2):
        save_with(reader, "")
        client.force_login(reader)
        sending.deliver_due()
    assert [(name, error) for name, _user, error in heard if name == "refused"] == [("refused", InvalidValueError)]


def test_signal_tells_that_the_customer_is_unknown(sandbox, reader, link, heard):
    sandbox.customer(link.customer_id).delete()
    save_with(reader, "new@example.com")
    sending.deliver_due()
    assert heard == [("refused", reader, NotFoundError)]


def test_user_whose_registration_was_refused_sends_no_signal_since_nothing_will_be_told(
    sandbox, user, client, heard, django_capture_on_commit_callbacks
):
    sandbox.create_customer(user.email)
    with suppress(ConflictError):
        customers.register(user)
    with django_capture_on_commit_callbacks(execute=True):
        save_with(user, "new@example.com")
        client.force_login(user)
    assert heard == []


def test_address_changed_while_being_registered_is_told_and_signalled_with_the_registration(
    sandbox, user, heard, django_capture_on_commit_callbacks
):
    customers.request_registration(user)
    with django_capture_on_commit_callbacks(execute=True):
        in_the_middle_of_the_call(lambda: save_with(user, "new@example.com"))
    # In whatever order: a test's commit comes at its end.
    assert sorted(name for name, *_ in heard) == ["confirmed", "requested"]
    assert [customer.email for customer in sandbox.customers()] == ["new@example.com"]


def test_outage_sends_no_signal(sandbox, reader, heard):
    sandbox.fail_next(status=503, times=None)
    save_with(reader, "new@example.com")
    sending.deliver_due()
    assert heard == []


@pytest.mark.parametrize("signal", [email_change_requested, email_change_confirmed, email_change_refused])
def test_receiver_that_fails_breaks_neither_save_nor_delivery(
    reader, remote_email, change_of, signal, django_capture_on_commit_callbacks
):
    def fail(**kwargs):
        raise RuntimeError("a receiver's bug")

    signal.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            save_with(reader, "new@example.com")
        sending.deliver_due()
        assert remote_email() == "new@example.com"
        save_with(reader, "")
        sending.deliver_due()
        assert change_of().is_refused
    finally:
        signal.disconnect(fail)
