"""The agent sees which connections wait, were refused and are done, and can undo one."""

import pytest
from django.contrib.admin.models import LogEntry

from django_plenigo.models import AccountConnection, CustomerLink, CustomerSession
from django_plenigo.services import customers
from tests.admin.conftest import confirm, messages_of, text_of
from tests.connection.conftest import DETAILS, Browser
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/plenigo/accountconnection/"
LOOKING = ("view_accountconnection",)


@pytest.fixture
def imported(stand_in):
    return stand_in.add("1234567", postcode="10115")


@pytest.fixture
def browser(user):
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.fixture
def done(stand_in, imported, browser):
    browser.start()
    browser.enter(stand_in.last_code)
    return AccountConnection.objects.latest("pk")


def test_list_says_in_words_how_each_has_ended(stand_in, imported, browser, agent_who_may, user):
    browser.start(postcode="99999")
    browser.start()
    agent = agent_who_may(looking=LOOKING)
    text = text_of(agent.get(LIST))
    words = (user.username, "the details match no customer", "waits for the code")
    assert [word for word in words if word not in text] == []
    refused = text_of(agent.get(LIST, {"state__exact": "refused"}))
    assert ("match no customer" in refused, "waits for the code</td>" in refused) == (True, False)


def test_agent_finds_a_connection_by_what_the_reader_says_that_she_has_entered(done, agent_who_may, user):
    agent = agent_who_may(looking=LOOKING)
    for term in (DETAILS["customer_id"], user.email.upper()):
        assert user.username in text_of(agent.get(LIST, {"q": term}))
    assert "0 account connections" in text_of(agent.get(LIST, {"q": "7654321"}))


def test_agent_finds_a_connection_from_before_the_site_had_its_present_key(
    stand_in, imported, browser, agent_who_may, user, settings
):
    stand_in.set(subscription_id=True)
    imported.subscription_id = "42"
    browser.start(subscription_id="42")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a-new-key-of-the-site", [settings.SECRET_KEY]
    agent = agent_who_may(looking=LOOKING)
    for term in (DETAILS["customer_id"], "42", user.email):
        assert user.username in text_of(agent.get(LIST, {"q": term}))
    settings.SECRET_KEY_FALLBACKS = []
    agent = agent_who_may(looking=LOOKING)
    assert "0 account connections" in text_of(agent.get(LIST, {"q": "42"}))


def test_page_shows_the_terms_that_the_reader_agreed_to(stand_in, imported, browser, agent_who_may):
    browser.start()
    row = AccountConnection.objects.get()
    assert "Terms (en)" in text_of(agent_who_may(looking=LOOKING).get(f"{LIST}{row.pk}/change/"))


def test_page_lists_every_step_and_nothing_that_was_entered(stand_in, imported, browser, agent_who_may):
    browser.start()
    browser.enter("000000")
    row = AccountConnection.objects.get()
    text = text_of(agent_who_may(looking=LOOKING).get(f"{LIST}{row.pk}/change/"))
    assert ("details: a code was sent" in text, "code: wrong code" in text) == (True, True)
    assert [each for each in (*DETAILS.values(), "000000", stand_in.last_code) if f">{each}<" in text] == []


def test_agent_undoes_a_connection(done, imported, agent_who_may, user, django_capture_on_commit_callbacks):
    agent = agent_who_may("undo_accountconnection", looking=LOOKING)
    question = text_of(agent.get(f"{LIST}undo/", {"ids": done.pk}))
    assert "At plenigo the customer stays" in question
    with django_capture_on_commit_callbacks(execute=True):
        page = confirm(agent, f"{LIST}undo/", done)
    assert messages_of(page) == ["1 connection was undone."]
    done.refresh_from_db()
    assert (done.state, done.link) == ("undone", None)
    assert (customers.link_of(user), CustomerSession.objects.count()) == (None, 0)
    assert LogEntry.objects.get().change_message == "Undid the connection."
    assert imported.email == user.email  # at plenigo nothing has changed


def test_what_is_not_done_cannot_be_undone(stand_in, imported, browser, agent_who_may):
    browser.start()
    row = AccountConnection.objects.get()
    page = confirm(agent_who_may("undo_accountconnection", looking=LOOKING), f"{LIST}undo/", row)
    assert messages_of(page) == ["None of these is done; nothing was undone."]
    assert LogEntry.objects.count() == 0


def test_button_is_there_for_a_done_one_and_an_agent_who_may(done, agent_who_may):
    address = f"{LIST}{done.pk}/change/"
    assert "Undo the connection" in text_of(agent_who_may("undo_accountconnection", looking=LOOKING).get(address))
    assert "Undo the connection" not in text_of(agent_who_may(looking=LOOKING).get(address))


def test_reader_can_connect_another_subscription_after_an_undo(done, stand_in, browser, agent_who_may, user):
    confirm(agent_who_may("undo_accountconnection", looking=LOOKING), f"{LIST}undo/", done)
    stand_in.add("7654321", postcode="20095")
    browser.start(customer_id="7654321", postcode="20095")
    browser.enter(stand_in.last_code)
    assert customers.link_of(user).customer_id == "7654321"


def test_log_outlives_the_link_and_the_reader_and_cannot_be_deleted(done, admin_client, user):
    CustomerLink.objects.all().delete()
    user.delete()
    assert AccountConnection.objects.get().state == "done"
    assert admin_client.get(f"{LIST}{done.pk}/delete/").status_code == 403
    assert text_of(admin_client.get(f"{LIST}{done.pk}/change/"))


def test_list_of_a_hundred_takes_the_queries_of_one(stand_in, agent_who_may, django_assert_max_num_queries, done):
    agent = agent_who_may("undo_accountconnection", looking=LOOKING)
    rows = [
        AccountConnection(user=UserFactory(), state="refused", reason="no_match", started_at=done.started_at)
        for _ in range(50)
    ]
    AccountConnection.objects.bulk_create(rows)
    with django_assert_max_num_queries(10):
        agent.get(LIST)


def test_agent_allows_an_undone_connection_again(done, stand_in, browser, agent_who_may, user):
    agent = agent_who_may("undo_accountconnection", looking=LOOKING)
    confirm(agent, f"{LIST}undo/", done)
    address = f"{LIST}{done.pk}/change/"
    assert "Allow the connection again" in text_of(agent.get(address))
    assert messages_of(confirm(agent, f"{LIST}allow/", done)) == ["1 connection was allowed again."]
    assert "may be connected again" in text_of(agent.get(address))
    assert LogEntry.objects.latest("pk").change_message == "Allowed the connection again."
    assert messages_of(confirm(agent, f"{LIST}allow/", done)) == ["None of these was undone; nothing was changed."]
    body = {"customer_session": list(stand_in.sessions)[-1]}
    browser.post("/plenigo/api/sign-in/", body, content_type="application/json")
    assert customers.link_of(user) is not None


def test_agent_who_may_not_undo_may_not_allow_again(done, agent_who_may):
    agent = agent_who_may(looking=LOOKING)
    assert agent.get(f"{LIST}allow/", {"ids": done.pk}).status_code == 403
    assert "Allow the connection again" not in text_of(agent.get(f"{LIST}{done.pk}/change/"))
