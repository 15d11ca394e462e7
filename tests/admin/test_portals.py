"""The agent sees who a reader is at the portals, enters a reference by hand, and reads what came of the clicks."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db import connection

from django_plenigo.errors import NotFoundError, PortalBindingError
from django_plenigo.models import CustomerLink, PortalAccount, PortalHandover
from django_plenigo.services import portals
from django_plenigo.services.portals import Target
from tests.admin.conftest import messages_of, text_of
from tests.factories import LinkFactory, UserFactory
from tests.site.portals import TOKEN, entries

pytestmark = pytest.mark.django_db

LIST = "/admin/plenigo/portalaccount/"
CLICKS = "/admin/plenigo/portalhandover/"
LOOKING = ("view_portalaccount", "view_portalhandover", "view_user", "view_customerlink")


def page_of(row):
    return f"{LIST}{row.pk}/change/"


def add(client, user, reference="4711", portal="harbour", **values):
    return client.post(f"{LIST}add/", {"user": user.pk, "portal": portal, "reference": reference, **values})


def fields_of(client, account):
    """Return what the form holds that the agent has before her."""
    form = client.get(page_of(account)).context["adminform"].form
    return {name: form[name].value() or "" for name in ("reference", "seen_bound_at")}


def change(client, account, **values):
    """Open the form, change something, and save it."""
    follow = values.pop("follow", False)
    return client.post(page_of(account), fields_of(client, account) | values, follow=follow)


# ---- by hand


def test_agent_adds_a_reference_by_hand_and_it_is_told_who_and_when(harbour, user, agent_who_may):
    agent = agent_who_may("add_portalaccount", looking=LOOKING)
    assert add(agent, user, is_external="on").status_code == 302
    account = PortalAccount.objects.get()
    assert (account.user, account.portal, account.reference, account.is_external) == (user, "harbour", "4711", True)
    assert (account.provenance, account.bound_by) == ("by_hand", agent.agent)
    assert account.bound_at is not None
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.is_addition()) == (agent.agent, str(account.pk), True)
    assert user.username not in entry.object_repr


def test_form_searches_users_instead_of_listing_all(harbour, admin_client):
    others = [UserFactory(username=f"somebody-else-{number}") for number in range(3)]
    text = text_of(admin_client.get(f"{LIST}add/"))
    assert "admin-autocomplete" in text
    assert [other for other in others if other.username in text] == []


def test_reference_is_entered_for_a_reader_who_has_been_issued_ours(harbour, user, admin_client):
    ours = portals.reference_for(user, "harbour")
    assert add(admin_client, user).status_code == 302
    account = PortalAccount.objects.get()
    assert (account.our_reference, account.reference) == (ours, "4711")


class ReplicaThatIsGone:
    """Accounts are read from a database that there is not, unless the code says that it reads where it writes."""

    def db_for_read(self, model, **hints):
        return "replica" if model is PortalAccount else None


def test_reference_that_is_added_is_read_from_no_replica(harbour, user, admin_client, settings):
    settings.DATABASE_ROUTERS = [ReplicaThatIsGone()]
    response = add(admin_client, user)
    settings.DATABASE_ROUTERS = []
    assert response.status_code == 302
    assert LogEntry.objects.get().object_id == str(PortalAccount.objects.get().pk)


def test_reference_of_another_reader_is_refused_at_its_field(bind, user, admin_client):
    owner = UserFactory()
    bind(owner, "4711")
    text = text_of(add(admin_client, user))
    assert "is another user&#x27;s at this portal: take it away from that one first" in text
    assert portals.account_of(user, "harbour") is None
    assert portals.account_of(owner, "harbour").reference == "4711"


def test_second_reference_of_a_reader_is_refused_where_it_is_added(boater, admin_client):
    assert "is not the one that this user has" in text_of(add(admin_client, boater))
    assert PortalAccount.objects.get().reference == "352365983"


@pytest.mark.parametrize("values", [{"reference": ""}, {"portal": "harbor"}, {"reference": "x" * 251}])
def test_what_cannot_be_one_is_refused(harbour, user, admin_client, values):
    text_of(add(admin_client, user, **values))
    assert not PortalAccount.objects.exists()


@pytest.mark.parametrize(
    ("portal", "values", "problem"),
    [
        ("okepay", {"reference": "01"}, "without zeros in front"),
        ("okepay", {"reference": "c0ffee00"}, "must be the id of a contact: a number from 1 to 2147483647"),
        ("okepay", {"reference": "4711", "is_external": "on"}, "knows nobody by a reference of yours"),
        ("2checkout", {"reference": "ext-352365983"}, "must be the vendor&#x27;s own number of a customer"),
    ],
)
def test_reference_that_the_vendor_cannot_have_is_refused_at_its_field(
    db, user, admin_client, settings, portal, values, problem
):
    folder = "django_plenigo.protocols"
    settings.PLENIGO_PORTALS = {
        "okepay": {"BACKEND": f"{folder}.okepay.OkePay", "MODE": "sandbox"},
        "2checkout": {"BACKEND": f"{folder}.twocheckout.TwoCheckout", "MODE": "sandbox"},
    }
    page = add(admin_client, user, portal=portal, **values)
    assert list(page.context["adminform"].form.errors) == ["reference"]
    assert problem in text_of(page)
    assert not PortalAccount.objects.exists()


def test_agent_who_ticks_what_the_vendor_cannot_have_is_told_so(db, user, admin_client, settings):
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox"}}
    account = portals.bind(user, "okepay", "4711", provenance="webhook")
    assert "knows nobody by a reference of yours" in text_of(change(admin_client, account, is_external="on"))
    account.refresh_from_db()
    assert not account.is_external


def test_agent_is_told_of_the_setting_where_nobody_can_judge_a_reference(user, admin_client, settings):
    settings.PLENIGO_PORTALS = {"harbour": {"BACKEND": "mysite.missing.Portal", "MODE": "live"}}
    page = add(admin_client, user)
    assert "[&#x27;BACKEND&#x27;] cannot be imported" in text_of(page)
    assert not PortalAccount.objects.exists()


def test_agent_changes_a_reference_and_the_history_says_who(boater, agent_who_may):
    account = PortalAccount.objects.get()
    agent = agent_who_may("change_portalaccount", looking=LOOKING)
    assert change(agent, account, reference="4712").status_code == 302
    account.refresh_from_db()
    assert (account.reference, account.provenance, account.bound_by) == ("4712", "by_hand", agent.agent)
    entry = LogEntry.objects.get()
    assert entry.user == agent.agent
    assert "4712" not in entry.change_message
    assert "Reference" in entry.get_change_message()


def test_form_moves_a_reference_to_no_other_reader_and_no_other_portal(boater, admin_client):
    other = UserFactory()
    account = PortalAccount.objects.get()
    change(admin_client, account, reference="4712", user=other.pk, portal="quay", our_reference="x")
    account.refresh_from_db()
    assert (account.user, account.portal, account.our_reference) == (boater, "harbour", None)


def test_save_that_changes_nothing_keeps_where_it_is_from(boater, admin_client):
    account = PortalAccount.objects.get()
    change(admin_client, account)
    account.refresh_from_db()
    assert (account.provenance, account.bound_by) == ("webhook", None)


def test_agent_takes_a_wrong_reference_away_and_no_webhook_gives_it_back(boater, bind, agent_who_may):
    account = PortalAccount.objects.get()
    agent = agent_who_may("change_portalaccount", looking=LOOKING)
    assert change(agent, account, reference="").status_code == 302
    account.refresh_from_db()
    assert not account.is_bound
    with pytest.raises(PortalBindingError):
        bind(boater)
    assert "taken away by hand" in text_of(agent.get(LIST))
    assert agent.agent.username in text_of(agent.get(page_of(account)))


def test_agent_whose_form_was_overtaken_is_told_so(boater, bind, admin_client):
    other, faster = UserFactory(), []

    def let_a_webhook_in(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and "portalaccount" in sql and not faster:
            faster.append(True)
            bind(other, "4711")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(let_a_webhook_in):
        page = change(admin_client, PortalAccount.objects.get(user=boater), reference="4711", follow=True)
    assert [text for text in messages_of(page) if "another user" in text]
    assert PortalAccount.objects.get(user=boater).reference == "352365983"


@pytest.mark.parametrize("entered", ["", "4712"])
def test_form_from_before_a_webhook_came_moves_nothing(harbour, user, bind, admin_client, entered):
    """The agent has seen no reference: that one is there now is not for her old form to undo."""
    portals.reference_for(user, "harbour")
    account = PortalAccount.objects.get()
    old = fields_of(admin_client, account)
    bind(user, "4711")
    page = admin_client.post(page_of(account), old | {"reference": entered})
    assert "has been changed meanwhile: nothing was saved" in text_of(page)
    account.refresh_from_db()
    assert (account.reference, account.provenance) == ("4711", "webhook")


def test_agent_who_may_only_look_is_shown_nothing_of_how_the_form_works(boater, agent_who_may):
    text = text_of(agent_who_may(looking=LOOKING).get(page_of(PortalAccount.objects.get())))
    assert "352365983" in text
    assert "bound at" not in text.lower()


def test_form_that_enters_what_a_webhook_has_bound_meanwhile_is_right(harbour, user, bind, admin_client):
    portals.reference_for(user, "harbour")
    account = PortalAccount.objects.get()
    old = fields_of(admin_client, account)
    bind(user, "4711")
    assert admin_client.post(page_of(account), old | {"reference": "4711"}).status_code == 302
    account.refresh_from_db()
    assert (account.reference, account.provenance) == ("4711", "webhook")


def test_deleting_says_what_stays_at_the_vendor(boater, admin_client):
    account = PortalAccount.objects.get()
    text = text_of(admin_client.get(f"{LIST}{account.pk}/delete/"))
    assert "stay at the vendor" in text
    assert f"{boater.username}: Harbour office" in text
    assert admin_client.post(f"{LIST}{account.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not PortalAccount.objects.exists()


def test_user_can_be_deleted_with_what_the_portals_know(boater, browser_of_clicks, admin_client):
    assert admin_client.post(f"/admin/auth/user/{boater.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not get_user_model().objects.filter(pk=boater.pk).exists()
    assert not PortalAccount.objects.exists()


# ---- permissions


@pytest.mark.parametrize("codename", ["add", "change", "delete"])
def test_agent_who_may_only_look_writes_nothing(boater, agent_who_may, codename):
    account = PortalAccount.objects.get()
    agent = agent_who_may(looking=LOOKING)
    address = f"{LIST}add/" if codename == "add" else f"{LIST}{account.pk}/{codename}/"
    values = {"user": boater.pk, "portal": "quay", "reference": "x", "post": "yes"}
    assert agent.post(address, values).status_code == 403
    assert PortalAccount.objects.get().reference == "352365983"


def test_agent_without_permission_sees_neither_list(boater, agent_who_may):
    agent = agent_who_may(looking=("view_user",))
    assert [agent.get(address).status_code for address in (LIST, CLICKS)] == [403, 403]


def test_superuser_cannot_add_change_or_delete_a_record(boater, browser_of_clicks, admin_client):
    row = PortalHandover.objects.latest("pk")
    addresses = [f"{CLICKS}add/", f"{CLICKS}{row.pk}/delete/"]
    assert [admin_client.post(address, {"post": "yes"}).status_code for address in addresses] == [403, 403]
    assert "_save" not in text_of(admin_client.get(f"{CLICKS}{row.pk}/change/"))
    assert "delete_selected" not in text_of(admin_client.get(CLICKS))


def test_account_at_a_portal_that_has_left_the_settings_is_read_alone(boater, settings, admin_client):
    settings.PLENIGO_PORTALS = {"quay": entries()["quay"]}
    account = PortalAccount.objects.get()
    assert "_save" not in text_of(admin_client.get(page_of(account)))
    settings.PLENIGO_PORTALS = {}
    assert admin_client.get(f"{LIST}add/").status_code == 403


# ---- finding


def test_agent_finds_an_account_by_the_beginning_of_either_reference_or_by_the_user(bind, user, admin_client):
    bind(user, "352365983")
    bind(UserFactory(username="somebody-else"), "999")
    ours = portals.reference_for(user, "harbour")
    for term in ("3523", "352365983", ours[:12], user.username, user.email):
        text = text_of(admin_client.get(LIST, {"q": term}))
        assert "1 portal account" in text, term
        assert f">{user.username}<" in text
    assert "0 portal accounts" in text_of(admin_client.get(LIST, {"q": "2365983"}))
    assert "1 portal account" in text_of(admin_client.get(LIST, {"portal": "harbour", "q": "999"}))
    assert "0 portal accounts" in text_of(admin_client.get(LIST, {"portal": "quay", "q": "999"}))


def test_agent_who_may_not_see_users_does_not_search_them(boater, agent_who_may):
    agent = agent_who_may(looking=("view_portalaccount",))
    assert "0 portal accounts" in text_of(agent.get(LIST, {"q": boater.username}))


@pytest.fixture
def browser_of_clicks(boater, harbour):
    """Two clicks of the reader, of which one failed, and one of somebody who has nothing there."""
    portals.open_portal(boater, Target("harbour", "berths"))
    harbour.answers.append(NotFoundError("harbour", "mint", status=404))
    portals.open_portal(boater, Target("harbour"))
    portals.open_portal(UserFactory(username="somebody-else"), Target("quay"))


def test_record_says_in_words_what_came_of_each_click(browser_of_clicks, boater, agent_who_may):
    agent = agent_who_may(looking=LOOKING)
    text = text_of(agent.get(CLICKS))
    for words in (
        "was led to the portal",
        "the vendor knows no customer by the reference",
        "NotFoundError, HTTP 404",
        "has no reference at this portal",
        "berths",
        boater.username,
    ):
        assert words in text, words
    assert TOKEN not in text


def test_record_is_filtered_by_portal_outcome_and_user(browser_of_clicks, boater, agent_who_may):
    agent = agent_who_may(looking=LOOKING)
    counts = {
        "portal=quay": "1 portal hand-over",
        "outcome=opened": "1 portal hand-over",
        "outcome=nonsense": "3 portal hand-overs",
        f"q={boater.username}": "2 portal hand-overs",
        "q=nobody": "0 portal hand-overs",
    }
    for query, count in counts.items():
        assert count in text_of(agent.get(f"{CLICKS}?{query}")), query


@pytest.mark.parametrize("address", [LIST, CLICKS])
def test_list_costs_as_many_queries_with_many_rows_as_with_one(
    bind, boater, harbour, agent_who_may, address, django_assert_num_queries, admin_user
):
    agent = agent_who_may(looking=LOOKING)
    portals.open_portal(boater, Target("harbour"))
    agent.get(address)
    with django_assert_num_queries(6) as few:
        agent.get(address)
    for number in range(10):
        reader = UserFactory()
        bind(reader, str(number), provenance="by_hand", bound_by=admin_user)
        portals.open_portal(reader, Target("harbour"))
    with django_assert_num_queries(len(few)):
        agent.get(address)


# ---- the panel


@pytest.fixture(params=["user", "link"])
def panel(request, boater, agent_who_may):
    """Return what an agent reads of the reader, on either page."""
    link = LinkFactory(user=boater)
    agent = agent_who_may("view_remotechange", looking=LOOKING)
    kind, row = ("auth/user", boater) if request.param == "user" else ("plenigo/customerlink", link)
    return lambda client=agent: text_of(client.get(f"/admin/{kind}/{row.pk}/change/"))


def test_panel_says_how_the_reader_stands_at_each_portal(panel, boater, harbour):
    ours = portals.reference_for(boater, "harbour")
    portals.open_portal(boater, Target("harbour"))
    text = panel()
    for words in ("Harbour office", "352365983", "known by webhook", ours, "was led to the portal", "Quay"):
        assert words in text, words
    assert "nothing is known" in text
    assert "no click is recorded" in text
    assert TOKEN not in text
    assert page_of(PortalAccount.objects.get(portal="harbour")) in text


def test_panel_hides_the_portals_from_an_agent_who_may_not_see_them(panel, agent_who_may):
    text = panel(agent_who_may(looking=("view_user", "view_customerlink")))
    assert "352365983" not in text
    assert "Harbour office" not in text


def test_panel_of_a_site_without_portals_says_nothing_of_them(panel, settings):
    del settings.PLENIGO_PORTALS
    assert "plenigo-panel-portals" not in panel()


def test_panel_costs_two_queries_for_all_portals(boater, bind, settings, django_assert_num_queries):
    bind(boater, "7", portal="quay")
    with django_assert_num_queries(2):
        assert len(portals.views_of_user(boater)) == 2
    assert CustomerLink.objects.count() == 0
