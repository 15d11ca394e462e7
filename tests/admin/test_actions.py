"""What an agent can have done: each asks first, needs a permission of its own, and stands in the history."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import resolve

from django_plenigo.admin.actions import (
    CheckAtPlenigo,
    ImportAccessIds,
    LeaveAsItIs,
    RegisterUsers,
    SendAgain,
    TryAgain,
)
from django_plenigo.errors import ConflictError
from django_plenigo.models import AccessId, CustomerLink, RemoteChange
from django_plenigo.services import access_ids, outbox, sending
from tests.admin.conftest import confirm, messages_of, text_of
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db

LINKS = "/admin/plenigo/customerlink/"
CHANGES = "/admin/plenigo/remotechange/"
USERS = "/admin/auth/user/"

TAKEN = ConflictError("plenigo", "change_email", status=409)


@dataclass
class Action:
    """One of the actions: where it is, what allows it, and what it is used on."""

    name: str
    listed: str
    address: str
    permission: str
    row: Callable[[CustomerLink], Any]
    page: Any
    values: dict[str, str]
    entries: int = 1
    """In how many histories it stands for one row."""

    def __str__(self) -> str:
        return self.name


ACTIONS = [
    Action(
        "check_at_plenigo",
        LINKS,
        f"{LINKS}check/",
        "check_customerlink",
        lambda link: link,
        CheckAtPlenigo,
        {"product_ids": "DAYPASS"},
    ),
    Action("send_again", LINKS, f"{LINKS}send-again/", "send_remotechange", lambda link: link, SendAgain, {}),
    Action(
        "import_access_ids",
        LINKS,
        f"{LINKS}import-access-ids/",
        "import_accessid",
        lambda link: link,
        ImportAccessIds,
        {"{pk}-slot_1": "CRM-1"},
    ),
    Action(
        "try_again",
        CHANGES,
        f"{CHANGES}try-again/",
        "send_remotechange",
        lambda link: link.remote_changes.get(kind="change_email"),
        TryAgain,
        {},
    ),
    Action(
        "leave_as_it_is",
        CHANGES,
        f"{CHANGES}leave-as-it-is/",
        "leave_remotechange",
        lambda link: link.remote_changes.get(kind="change_email"),
        LeaveAsItIs,
        {},
    ),
    Action(
        "register_with_plenigo",
        USERS,
        f"{USERS}register-with-plenigo/",
        "register_customerlink",
        lambda link: UserFactory(username="not-yet"),
        RegisterUsers,
        {},
        entries=2,
    ),
]

each_action = pytest.mark.parametrize("action", ACTIONS, ids=str)


def state():
    """All that an action may write."""
    return [
        list(RemoteChange.objects.order_by("pk").values("pk", "noted", "due_at", "refused_at", "left_value_hash")),
        list(AccessId.objects.values("value")),
        CustomerLink.objects.count(),
        LogEntry.objects.count(),
    ]


@pytest.fixture
def in_conflict(link, refuse):
    """A link with something to do for each action."""
    refuse(link, TAKEN)
    return link


def values_of(action, row):
    return {name.format(pk=row.pk): value for name, value in action.values.items()}


@each_action
def test_action_is_offered_to_agents_who_may_use_it_and_to_no_others(agent_who_may, in_conflict, action):
    assert f'value="{action.name}"' in text_of(agent_who_may(action.permission).get(action.listed))
    others = {each.permission for each in ACTIONS} - {action.permission}
    assert f'value="{action.name}"' not in text_of(agent_who_may(*others).get(action.listed))


@each_action
def test_agent_without_the_permission_is_refused_and_nothing_is_done(agent_who_may, in_conflict, action):
    row = action.row(in_conflict)
    others = {each.permission for each in ACTIONS} - {action.permission}
    agent, before = agent_who_may(*others), state()
    assert agent.get(action.address, {"ids": row.pk}).status_code == 403
    assert confirm(agent, action.address, row, **values_of(action, row)).status_code == 403
    assert state() == before


@each_action
def test_agent_who_may_not_see_the_rows_is_refused(agent_who_may, in_conflict, action):
    row = action.row(in_conflict)
    agent = agent_who_may(action.permission, looking=())
    assert confirm(agent, action.address, row, **values_of(action, row)).status_code == 403


@each_action
def test_action_of_a_list_asks_and_has_done_nothing_yet(agent_who_may, in_conflict, action):
    row = action.row(in_conflict)
    agent, before = agent_who_may(action.permission), state()
    page = agent.post(action.listed, {"action": action.name, "_selected_action": [row.pk]})
    assert f'action="{action.address}"' in text_of(page)
    assert str(action.page.question) in page.content.decode().replace("&#x27;", "'")
    assert page.context["ids"] == str(row.pk)
    assert state() == before


@each_action
def test_yes_does_it_and_writes_who_did_what_into_the_history(agent_who_may, in_conflict, action):
    row = action.row(in_conflict)
    agent = agent_who_may(action.permission)
    text_of(confirm(agent, action.address, row, **values_of(action, row)))
    entries = LogEntry.objects.all()
    assert {entry.user for entry in entries} == {agent.agent}
    assert [entry.get_edited_object() for entry in entries].count(row) == 1
    assert all(entry.change_message for entry in entries)
    assert len(entries) == action.entries


@each_action
def test_too_many_rows_are_refused_with_the_number_that_is_allowed(admin_client, in_conflict, action):
    keys = ",".join(str(number) for number in range(1, action.page.most + 2))
    before = state()
    answer = admin_client.post(action.address, {"ids": keys, "confirmed": "yes"}, follow=True)
    assert messages_of(answer) == [f"Choose at most {action.page.most}; nothing was done."]
    assert state() == before


def test_page_for_one_row_says_so_where_more_are_chosen(admin_client):
    answer = admin_client.post("/admin/plenigo/accessimport/cancel/", {"ids": "1,2", "confirmed": "yes"}, follow=True)
    assert messages_of(answer) == ["Choose only one; nothing was done."]


@each_action
@pytest.mark.parametrize("ids", ["", "999999", "x,y", "<b>", "1;DROP", "9" * 30])
def test_rows_that_are_not_there_are_told_so(admin_client, in_conflict, action, ids):
    answer = admin_client.post(action.address, {"ids": ids, "confirmed": "yes"}, follow=True)
    assert messages_of(answer) == ["What was chosen is not there any more; nothing was done."]


@each_action
@pytest.mark.parametrize(
    ("wish", "led_to"),
    [("/admin/", "/admin/"), ("https://evil.example/", None), ("//evil.example", None), ("javascript:x", None)],
)
def test_action_leads_back_to_this_site_only(admin_client, in_conflict, action, wish, led_to):
    row = action.row(in_conflict)
    page = text_of(admin_client.get(action.address, {"ids": row.pk, "next": wish}))
    assert (f'class="closelink" href="{wish}"' in page) is (led_to is not None)
    assert "evil.example" not in page


@each_action
def test_names_on_a_page_are_shown_as_text(admin_client, action, refuse, sandbox):
    evil = "<script>alert(1)</script>"
    link = LinkFactory(user=UserFactory(username=evil), customer_id=evil)
    refuse(link, TAKEN)
    row = link.user if action.page is RegisterUsers else action.row(link)
    page = text_of(admin_client.get(action.address, {"ids": row.pk}))
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_page_that_asks_plenigo_holds_no_transaction_open():
    # With ATOMIC_REQUESTS Django wraps every view but those that say no.
    view = resolve("/admin/plenigo/customerlink/check/").func
    assert view._non_atomic_requests == {"default"}


# ---- try again


def test_try_again_makes_refused_changes_due_and_says_how_many(admin_client, in_conflict, refuse):
    second = refuse(in_conflict, TAKEN, "assign_access_ids")
    first = in_conflict.remote_changes.get(kind="change_email")
    answer = confirm(admin_client, f"{CHANGES}try-again/", first, second)
    assert messages_of(answer) == ["2 changes will be sent again."]
    assert not RemoteChange.objects.filter(refused_at__isnull=False).exists()
    sending.deliver_due()
    assert not RemoteChange.objects.filter(due_at__isnull=False).exists()


def test_try_again_of_what_is_in_step_does_nothing_and_says_so(admin_client, link):
    change = link.remote_changes.get(kind="register")
    answer = confirm(admin_client, f"{CHANGES}try-again/", change)
    assert messages_of(answer) == ["All of these are in step; there was nothing to send."]
    assert not LogEntry.objects.exists()


def test_try_again_of_one_leads_back_to_it(admin_client, in_conflict):
    change = in_conflict.remote_changes.get(kind="change_email")
    answer = confirm(admin_client, f"{CHANGES}try-again/", change)
    assert answer.redirect_chain == [(f"{CHANGES}{change.pk}/change/", 302)]
    assert messages_of(answer) == ["1 change will be sent again."]


# ---- send again


def test_send_again_tells_plenigo_what_was_changed_there_by_hand(admin_client, link, sandbox):
    customer = sandbox.customer(link.customer_id)
    customer.email = "changed-there@example.com"
    customer.save()
    access_ids.import_access_ids(link, ["CRM-1"])
    sending.deliver_due()
    sandbox.calls.clear()
    answer = confirm(admin_client, f"{LINKS}send-again/", link)
    assert messages_of(answer) == ["In a moment plenigo will be told of 1 reader."]
    sending.deliver_due()
    assert sandbox.customer(link.customer_id).email == link.user.email
    assert {call.endpoint for call in sandbox.calls} == {"changeEmail", "importCustomerAccess"}


def test_send_again_finds_out_that_plenigo_does_not_know_a_customer(admin_client, reader, link, sandbox):
    sandbox.customer(link.customer_id).delete()
    confirm(admin_client, f"{LINKS}send-again/", link)
    sending.deliver_due()
    page = text_of(admin_client.get(f"{LINKS}{link.pk}/change/"))
    assert "plenigo does not know this customer" in page


def test_send_again_registers_who_is_not_registered_yet(admin_client, user, sandbox):
    link = LinkFactory(user=user, customer_id=None, confirmed_email="")
    outbox.make_rows(link)
    confirm(admin_client, f"{LINKS}send-again/", link)
    sending.deliver_due()
    link.refresh_from_db()
    assert sandbox.customer(link.customer_id).email == user.email


# ---- register


def test_registering_shows_for_each_user_what_will_come_of_it_and_what_came(admin_client, reader, sandbox):
    new, blank = UserFactory(username="new"), UserFactory(username="blank", email="")
    rows = [reader, new, blank]
    plan = text_of(admin_client.get(f"{USERS}register-with-plenigo/", {"ids": ",".join(str(row.pk) for row in rows)}))
    for text in ("is a customer already", "will be registered", "has no e-mail address"):
        assert text in plan
    done = confirm(admin_client, f"{USERS}register-with-plenigo/", *rows)
    assert "has no e-mail address" in text_of(done)
    assert messages_of(done) == ["1 user will be registered with plenigo in a moment."]
    link = CustomerLink.objects.get(user=new)
    assert {entry.get_edited_object() for entry in LogEntry.objects.all()} == {new, link}
    sending.deliver_due()
    assert CustomerLink.objects.get(user=new).is_registered
    assert not CustomerLink.objects.filter(user=blank).exists()


def test_registration_stands_in_what_was_done_with_the_reader(admin_client, admin_user, user):
    confirm(admin_client, f"{USERS}register-with-plenigo/", user)
    panel = text_of(admin_client.get(f"{USERS}{user.pk}/change/"))
    assert f"{admin_user}: Requested the registration with plenigo (account default)." in panel


def test_registering_goes_to_the_account_that_is_chosen(admin_client, user, settings):
    settings.PLENIGO = {**settings.PLENIGO, "weekly": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    page = text_of(admin_client.get(f"{USERS}register-with-plenigo/", {"ids": user.pk, "using": "weekly"}))
    assert '<option value="weekly" selected>' in page
    confirm(admin_client, f"{USERS}register-with-plenigo/", user, using="weekly")
    assert CustomerLink.objects.get(user=user).account == "weekly"


def external_id_that_fails(user):
    """A function of the site's that is broken."""
    raise RuntimeError(user.email)


def test_registering_survives_a_broken_function_of_the_site(admin_client, user, settings):
    path = f"{__name__}.{external_id_that_fails.__name__}"
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EXTERNAL_ID": path}}
    page = text_of(confirm(admin_client, f"{USERS}register-with-plenigo/", user))
    assert "own code failed" in page
    assert not CustomerLink.objects.exists()
