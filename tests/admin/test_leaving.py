"""A conflict that an agent settles by leaving both sides as they are."""

import io

import pytest
from django.contrib.auth import get_user_model, user_logged_in
from django.core.management import call_command

from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import customers, drift, outbox, sending
from django_plenigo.services.backlog import backlog_of
from tests.admin.conftest import confirm, messages_of, text_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

CHANGES = "/admin/plenigo/remotechange/"
WORK_LIST = f"{CHANGES}?state=refused"
LEAVE = f"{CHANGES}leave-as-it-is/"


@pytest.fixture
def taken(sandbox):
    """An address that another customer has at plenigo."""
    return sandbox.create_customer(email="taken@example.com").email


@pytest.fixture
def conflict(reader, link, taken, sandbox):
    """A change to that address, which plenigo has refused."""
    reader.email = taken
    reader.save()
    assert sending.deliver_due().refused == 1
    sandbox.calls.clear()
    return link.remote_changes.get(kind="change_email")


@pytest.fixture
def left(admin_client, conflict):
    """The change once an agent has left it as it is."""
    page = confirm(admin_client, LEAVE, conflict)
    assert messages_of(page) == ["1 change is left as it is."]
    conflict.refresh_from_db()
    return conflict


def check():
    """Return the exit code of `plenigo_sync --check`."""
    try:
        call_command("plenigo_sync", "--check", stdout=io.StringIO())
    except SystemExit as exit_:
        return exit_.code
    return 0


def listed(client, address):
    return [change.pk for change in client.get(address).context["cl"].result_list]


def test_change_that_is_left_is_no_conflict_any_more(admin_client, conflict):
    assert (listed(admin_client, WORK_LIST), check()) == ([conflict.pk], 2)
    confirm(admin_client, LEAVE, conflict)
    assert (listed(admin_client, WORK_LIST), check()) == ([], 0)
    assert backlog_of().refused == 0
    panel = text_of(admin_client.get(f"/admin/plenigo/customerlink/{conflict.link_id}/change/"))
    assert "✓</span> linked" in panel
    assert "left as it is" in panel


def test_change_that_is_left_is_found_by_its_state(admin_client, left):
    assert listed(admin_client, f"{CHANGES}?state=left") == [left.pk]
    page = text_of(admin_client.get(f"{CHANGES}{left.pk}/change/"))
    assert "left as it is" in page
    assert "Both sides" in page
    assert LEAVE not in page
    assert "try-again" in page


def test_button_is_on_the_page_of_a_refused_change_and_of_no_other(admin_client, agent_who_may, conflict, link):
    assert f'href="{LEAVE}?ids={conflict.pk}"' in text_of(admin_client.get(f"{CHANGES}{conflict.pk}/change/"))
    other = link.remote_changes.get(kind="register")
    assert LEAVE not in text_of(admin_client.get(f"{CHANGES}{other.pk}/change/"))
    assert LEAVE not in text_of(agent_who_may("send_remotechange").get(f"{CHANGES}{conflict.pk}/change/"))


def save(user):
    user.save()


def log_in(user):
    user_logged_in.send(sender=type(user), request=None, user=user)


def mint_a_token(user):
    customers.request_email_sync_of_link(customers.link_of(user), user)


def look_for_drift(user):
    assert drift.note_drift() == 0


@pytest.mark.parametrize("deed", [save, log_in, mint_a_token, look_for_drift])
def test_same_value_is_not_sent_again(left, sandbox, deed):
    deed(get_user_model().objects.get(pk=left.link.user_id))
    sending.deliver_due()
    assert sandbox.calls == []
    left.refresh_from_db()
    assert left.is_left


@pytest.mark.parametrize("deed", [save, log_in, lambda user: drift.note_drift()], ids=["save", "log_in", "drift"])
def test_another_value_is_sent_as_ever(left, sandbox, deed):
    get_user_model().objects.filter(pk=left.link.user_id).update(email="free@example.com")
    deed(get_user_model().objects.get(pk=left.link.user_id))
    sending.deliver_due()
    assert sandbox.customer(left.link.customer_id).email == "free@example.com"
    assert check() == 0


def test_value_that_is_changed_back_is_sent_too(left, sandbox):
    link = CustomerLink.objects.get(pk=left.link_id)
    reader = link.user
    reader.email = link.confirmed_email
    reader.save()
    sending.deliver_due()
    left.refresh_from_db()
    assert not left.is_left
    assert sandbox.customer(link.customer_id).email == link.confirmed_email


def test_change_that_is_left_is_sent_when_an_agent_says_so_and_may_be_a_conflict_again(admin_client, left, sandbox):
    confirm(admin_client, f"{CHANGES}try-again/", left)
    sending.deliver_due()
    assert len(sandbox.calls) == 1
    assert listed(admin_client, WORK_LIST) == [left.pk]


def test_names_that_are_left_are_not_sent_again_until_they_change(admin_client, reader, link, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "FOLLOWED_FIELDS": ["first_name", "last_name"]}}
    reader.first_name = "Grace"
    reader.save()
    change = link.remote_changes.get(kind="change_profile")
    assert change.is_waiting
    sending.deliver_due()  # without a gender: refused
    change.refresh_from_db()
    assert change.is_refused
    confirm(admin_client, LEAVE, change)
    reader.save()
    log_in(reader)
    assert drift.note_drift() == 0
    change.refresh_from_db()
    assert change.is_left
    reader.last_name = "Hopper"
    reader.save()
    change.refresh_from_db()
    assert change.is_waiting


@pytest.mark.parametrize("kind", ["register", "attach_external_id", "assign_access_ids"])
def test_whatever_is_refused_can_be_left(admin_client, link, refuse, kind):
    change = refuse(link, outbox.PlenigoError("refused"), kind)
    confirm(admin_client, LEAVE, change)
    assert (listed(admin_client, WORK_LIST), check()) == ([], 0)
    outbox.note(link, kind)
    assert RemoteChange.objects.get(pk=change.pk).is_waiting


def test_what_is_not_refused_cannot_be_left_and_the_agent_is_told_so(admin_client, reader, link):
    reader.email = "new@example.com"
    reader.save()
    change = link.remote_changes.get(kind="change_email")
    page = confirm(admin_client, LEAVE, change)
    assert messages_of(page) == ["None of these is refused; there was nothing to settle."]
    change.refresh_from_db()
    assert change.is_waiting


def test_other_readers_conflicts_stay(admin_client, left, taken):
    other = UserFactory()
    customers.register(other)
    other.email = taken
    other.save()
    sending.deliver_due()
    assert [RemoteChange.objects.get(pk=key).link.user for key in listed(admin_client, WORK_LIST)] == [other]
    assert check() == 2
