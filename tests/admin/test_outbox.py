"""The outbox, and the work list of conflicts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from django_plenigo.errors import AuthenticationError, ConflictError, InvalidValueError, NotFoundError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import access_ids, customers, outbox, sending, support
from tests.admin.conftest import confirm, messages_of, text_of
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db

CHANGES = "/admin/plenigo/remotechange/"
WORK_LIST = f"{CHANGES}?state=refused"

TAKEN = ConflictError("plenigo", "change_email", status=409)


@pytest.fixture
def one_of_each(sandbox):
    """A change in each state, by the name of the state."""
    changes = {}
    for state in ("refused", "left", "postponed", "waiting", "in_step"):
        link = LinkFactory()
        changes[state] = outbox.note(link, RemoteChange.Kind.CHANGE_EMAIL)
    for state in ("refused", "left"):
        outbox.refuse(changes[state], TAKEN)
    support.leave([changes["left"]])
    outbox.acknowledge(changes["in_step"].noted, [changes["in_step"].pk])
    later = timezone.now() + timedelta(minutes=5)
    told = outbox.told(AuthenticationError("plenigo", "change_email", status=403))
    RemoteChange.objects.filter(pk=changes["postponed"].pk).update(attempts=2, due_at=later, **told)
    return changes


@pytest.mark.parametrize("state", ["refused", "left", "postponed", "waiting", "in_step"])
def test_outbox_is_filtered_by_state(admin_client, one_of_each, state):
    listed = {change.pk for change in admin_client.get(CHANGES, {"state": state}).context["cl"].result_list}
    assert [name for name, change in one_of_each.items() if change.pk in listed] == [state]


def test_outbox_is_filtered_by_kind_and_account(admin_client, one_of_each, settings):
    settings.PLENIGO = {**settings.PLENIGO, "weekly": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    weekly = outbox.note(LinkFactory(account="weekly"), RemoteChange.Kind.REGISTER)
    for query in ({"kind": "register"}, {"account": "weekly"}):
        listed = {change.pk for change in admin_client.get(CHANGES, query).context["cl"].result_list}
        assert weekly.pk in listed
        assert not listed & {change.pk for change in one_of_each.values()}


def test_outbox_says_in_words_how_things_stand(admin_client, one_of_each):
    page = text_of(admin_client.get(CHANGES))
    for text in ("refused", "left as it is", "failed, will be tried again", "waiting", "in step"):
        assert f'<td class="field-state">{text}</td>' in page
    assert "does not let this company manage customers of its own" in page


def test_page_of_a_change_says_what_to_do_and_has_the_button(admin_client, one_of_each):
    change = one_of_each["refused"]
    page = text_of(admin_client.get(f"{CHANGES}{change.pk}/change/"))
    assert "Ask the reader which customer is the right one" in page
    assert "plenigo.change_email, HTTP 409" in page
    assert f'href="/admin/plenigo/remotechange/try-again/?ids={change.pk}"' in page


def test_nothing_of_a_change_can_be_edited_or_deleted(admin_client, one_of_each):
    change = one_of_each["waiting"]
    page = text_of(admin_client.get(f"{CHANGES}{change.pk}/change/"))
    assert 'name="_save"' not in page
    assert "deletelink" not in page
    assert admin_client.post(f"{CHANGES}{change.pk}/change/", {"noted": 9}).status_code == 403
    assert admin_client.post(f"{CHANGES}{change.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{CHANGES}add/").status_code == 403


def test_paused_account_has_a_banner_with_the_reason(admin_client, one_of_each):
    assert "nothing is sent to plenigo" not in text_of(admin_client.get(CHANGES))
    outbox.pause("default", AuthenticationError("plenigo", "register_user", status=401), timedelta(minutes=5))
    page = text_of(admin_client.get(CHANGES))
    assert "nothing is sent to plenigo for the account default" in page
    assert "stage and live have different ones" in page


def test_pause_that_is_over_has_no_banner(admin_client, one_of_each):
    outbox.pause("default", AuthenticationError("plenigo", "register_user", status=401), timedelta(minutes=-1))
    assert "nothing is sent to plenigo" not in text_of(admin_client.get(CHANGES))


def test_change_of_an_account_that_is_gone_is_not_promised_to_be_sent(admin_client, refuse, sandbox):
    change = refuse(LinkFactory(account="gone"), TAKEN)
    page = confirm(admin_client, "/admin/plenigo/remotechange/try-again/", change)
    assert messages_of(page) == ["What was chosen is not there any more; nothing was done."]
    change.refresh_from_db()
    assert change.is_refused


# ---- conflicts


def test_work_list_is_led_to_from_both_lists(admin_client, sandbox):
    for address in (CHANGES, "/admin/plenigo/customerlink/"):
        assert 'href="/admin/plenigo/remotechange/?state=refused"' in text_of(admin_client.get(address))


def test_work_list_begins_with_the_oldest_conflict(admin_client, refuse, sandbox, time_machine):
    changes = []
    for day in (3, 1, 2):
        time_machine.move_to(f"2026-06-0{day}T12:00:00+00:00")
        changes.append(refuse(LinkFactory(), TAKEN))
    page = admin_client.get(WORK_LIST)
    assert [change.pk for change in page.context["cl"].result_list] == [changes[at].pk for at in (1, 2, 0)]
    assert "Conflicts to decide, oldest first" in text_of(page)


def test_both_sides_of_a_taken_address_are_shown(admin_client, reader, link, refuse):
    owner = LinkFactory(user=UserFactory(username="owner"), confirmed_email="Wanted@example.com")
    reader.email = "wanted@Example.com"
    reader.save()
    refuse(link, TAKEN)
    page = text_of(admin_client.get(WORK_LIST))
    here, there = (f'<a href="/admin/plenigo/customerlink/{each.pk}/change/">' for each in (link, owner))
    assert f"{here}{reader}</a><br>wanted@Example.com" in page
    assert f"{there}owner</a><br>Wanted@example.com" in page


def test_customer_who_is_no_reader_here_is_told_so(admin_client, link, refuse):
    refuse(link, TAKEN)
    assert "a customer who is no reader here" in text_of(admin_client.get(WORK_LIST))


def test_owner_of_another_account_is_not_taken_for_the_other_side(admin_client, reader, link, refuse):
    LinkFactory(user=UserFactory(username="owner"), account="weekly", confirmed_email=reader.email)
    refuse(link, TAKEN)
    assert "a customer who is no reader here" in text_of(admin_client.get(WORK_LIST))


def test_other_user_with_the_same_external_id_is_shown(admin_client, user, refuse, sandbox):
    owner = LinkFactory(user=UserFactory(username="owner"), external_id=str(user.pk))
    link = customers.ensure_link(user)
    refuse(link, ConflictError("plenigo", "register_user", code="external id is another user's"), "register")
    page = text_of(admin_client.get(WORK_LIST))
    assert f'<a href="/admin/plenigo/customerlink/{owner.pk}/change/">owner</a>' in page


@pytest.mark.parametrize(
    "error",
    [
        InvalidValueError("email", "the user has no e-mail address any more; plenigo keeps the last one"),
        NotFoundError("plenigo", "change_email", status=404),
    ],
    ids=["removed address", "unknown customer"],
)
def test_refusal_that_is_no_conflict_has_no_other_side(admin_client, reader, link, refuse, error):
    LinkFactory(user=UserFactory(username="owner"), confirmed_email=reader.email)
    change = refuse(link, error)
    in_list, page = text_of(admin_client.get(WORK_LIST)), text_of(admin_client.get(f"{CHANGES}{change.pk}/change/"))
    assert '<td class="field-other_side">–</td>' in in_list
    assert "Both sides" not in page
    for text in (in_list, page):
        assert "no reader here" not in text
        assert "owner" not in text
    change = refuse(link, TAKEN)
    assert "Both sides" in text_of(admin_client.get(f"{CHANGES}{change.pk}/change/"))


def test_owner_of_the_address_is_not_taken_for_that_of_refused_access_ids(admin_client, reader, link, refuse, sandbox):
    owner = UserFactory(username="owner")
    customers.register(owner)
    reader.email = owner.email
    reader.save()
    sending.deliver_due()
    access_ids.import_access_ids(reader, ["CRM-1"])
    refuse(link, ConflictError("plenigo", "import_access_ids", status=409), "assign_access_ids")
    sides = {change.kind: change.sides for change in admin_client.get(WORK_LIST).context["cl"].result_list}
    assert sides["change_email"].other == customers.link_of(owner)
    assert sides["assign_access_ids"].is_conflict
    assert sides["assign_access_ids"].other is None
    panel = text_of(admin_client.get(f"/admin/plenigo/customerlink/{link.pk}/change/"))
    assert panel.count("On this site it belongs to:") == 1


@pytest.mark.parametrize("address", [CHANGES, WORK_LIST, f"{CHANGES}?q=reader"])
def test_list_of_changes_needs_as_many_queries_for_many_as_for_one(
    admin_client, refuse, sandbox, address, django_assert_max_num_queries, django_assert_num_queries
):
    refuse(LinkFactory(user=UserFactory(username="reader-x")), TAKEN)
    with django_assert_max_num_queries(20) as of_one:
        admin_client.get(address)
    for number in range(30):
        refuse(LinkFactory(user=UserFactory(username=f"reader-{number}-y")), TAKEN)
    with django_assert_num_queries(len(of_one)):
        admin_client.get(address)


def test_hostile_values_are_shown_as_text(admin_client, refuse, sandbox):
    evil = "<script>alert(1)</script>"
    link = LinkFactory(user=UserFactory(username=evil, email="<b>@example.com"))
    other = LinkFactory(user=UserFactory(username=evil + "2"), confirmed_email="<b>@example.com")
    change = refuse(link, TAKEN)
    CustomerLink.objects.filter(pk=other.pk).update(customer_id=evil)
    for address in (CHANGES, WORK_LIST, f"{CHANGES}{change.pk}/change/"):
        page = text_of(admin_client.get(address))
        assert "alert(1)" in page
        assert evil not in page
        assert "<b>@" not in page
