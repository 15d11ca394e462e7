"""The same steps as JSON, for front ends of their own."""

import json

import pytest
from django.core.cache import cache
from django.test import Client

from django_plenigo import errors
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.protocols import base
from django_plenigo.services import connection, customers
from tests.connection.conftest import DETAILS, last_connection
from tests.factories import LinkFactory, UserFactory
from tests.vendor_in_memory import ACCOUNT

pytestmark = pytest.mark.django_db


class JsonClient(Client):
    """A front end of its own."""

    def send(self, path, **data):
        return self.post(f"/plenigo/api/connection/{path}", json.dumps(data), content_type="application/json")


@pytest.fixture
def front_end(user):
    front_end = JsonClient()
    front_end.force_login(user)
    return front_end


def test_reader_connects_her_subscription(stand_in, imported, front_end, user):
    asked = front_end.get("/plenigo/api/connection/").json()
    assert (asked["state"], asked["email"]) == ("start", user.email)
    assert [field["name"] for field in asked["fields"]] == ["customer_id", "postcode", "password"]
    started = front_end.send("", **DETAILS, page="/article/")
    assert started.json() == {
        "state": "code_sent",
        "event": "code_sent",
        "detail": "We have sent you a code.",
        "connection": last_connection().pk,
        "channel": "EMAIL",
    }
    done = front_end.send("code/", code=stand_in.last_code, connection=last_connection().pk).json()
    assert (done["state"], done["next"]) == ("connected", "/article/")
    assert customers.link_of(user).customer_id == imported.customer_id
    assert front_end.get("/plenigo/api/connection/").json()["state"] == "connected"


def test_field_says_what_a_form_needs(stand_in, front_end):
    fields = {field["name"]: field for field in front_end.get("/plenigo/api/connection/").json()["fields"]}
    assert fields["password"] == {
        "name": "password",
        "label": "New password",
        "help": "With your e-mail address and this password you will log in to your subscription.",
        "is_required": True,
        "longest": 100,
        "is_secret": True,
        "autocomplete": "new-password",
        "inputmode": "",
    }


def test_front_end_that_was_reloaded_learns_that_a_code_is_on_its_way(stand_in, imported, front_end):
    front_end.send("", **DETAILS)
    assert front_end.get("/plenigo/api/connection/").json()["state"] == "code_sent"


def test_token_and_session_are_in_no_answer(stand_in, imported, front_end):
    answers = [front_end.send("", **DETAILS), front_end.send("code/", code="000000"), front_end.send("resend/")]
    answers += [front_end.get("/plenigo/api/connection/"), front_end.send("code/", code=stand_in.last_code)]
    text = "".join(answer.content.decode() for answer in answers)
    secrets = [*stand_in.processes, *stand_in.sessions, *(code for _, code in stand_in.sent), DETAILS["password"]]
    assert [secret for secret in secrets if secret in text] == []


def test_mismatches_are_answered_alike(stand_in, imported, front_end):
    wrong = front_end.send("", **{**DETAILS, "postcode": "99999"})
    unknown = front_end.send("", **{**DETAILS, "customer_id": "7654321"})
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)
    assert wrong.json()["event"] == "no_match"


def test_lock_says_until_when(stand_in, imported, front_end):
    for _ in range(5):
        front_end.send("", **{**DETAILS, "postcode": "99999"})
    locked = front_end.send("", **DETAILS)
    assert (locked.status_code, locked.json()["event"], "until" in locked.json()) == (429, "locked", True)


def test_mistakes_are_told_by_field(stand_in, imported, front_end):
    answer = front_end.send("", customer_id="abc", postcode="10115", password="")
    assert answer.status_code == 400
    assert answer.json()["fields"] == {
        "customer_id": ["A customer number has digits only, at most 18."],
        "password": ["This field is required."],
    }


def test_wrong_code_can_be_corrected_and_another_one_be_sent(stand_in, imported, front_end, user):
    front_end.send("", **DETAILS)
    wrong = front_end.send("code/", code="000000").json()
    sentence = "This code is not right. Please enter the code of the latest message."
    assert (wrong["event"], wrong["fields"]) == ("wrong_code", {"code": [sentence]})
    assert front_end.send("resend/").json()["event"] == "code_sent"
    front_end.send("code/", code=stand_in.last_code)
    assert customers.link_of(user) is not None


def test_second_tab_is_told(stand_in, imported, front_end):
    front_end.send("", **DETAILS)
    first = last_connection().pk
    front_end.send("", **DETAILS)
    answer = front_end.send("code/", code=stand_in.last_code, connection=first)
    assert (answer.status_code, answer.json()["event"], answer.json()["state"]) == (409, "other_tab", "code_sent")


def test_step_out_of_order_begins_again(stand_in, front_end):
    for step in ("code/", "resend/"):
        answer = front_end.send(step, code="123456")
        assert (answer.status_code, answer.json()["state"]) == (409, "start")


def test_reader_who_is_a_customer_by_a_registration_is_told_nowhere_that_she_has_connected(stand_in, front_end, user):
    customers.register(user)
    answers = [front_end.get("/plenigo/api/connection/"), front_end.send("", **DETAILS)]
    answers += [front_end.send("code/", code="123456"), front_end.send("resend/")]
    assert {(answer.json()["state"], answer.json()["event"]) for answer in answers} == {("start", "linked_already")}


def test_front_end_that_is_late_sees_that_the_reader_is_connected(stand_in, imported, front_end):
    front_end.send("", **DETAILS)
    front_end.send("code/", code=stand_in.last_code)
    late = front_end.send("code/", code=stand_in.last_code)
    assert (late.status_code, late.json()["state"], late.json()["event"]) == (200, "connected", "connected")


def test_conflict_is_told(stand_in, imported, front_end):
    LinkFactory(user=UserFactory(), customer_id=imported.customer_id)
    front_end.send("", **DETAILS)
    answer = front_end.send("code/", code=stand_in.last_code)
    assert (answer.status_code, answer.json()["event"]) == (409, "customer_of_another")


@pytest.mark.parametrize(
    ("failure", "status", "event", "words"),
    [
        (errors.NoAnswerError(base.SERVICE, "read_sso_settings"), 503, "unavailable", "cannot reach"),
        (errors.AuthenticationError(base.SERVICE, "read_sso_settings", status=401), 502, "failed", "went wrong"),
    ],
    ids=["outage", "credentials"],
)
def test_settings_that_nobody_tells_are_answered_with_an_event_at_every_step(
    stand_in, imported, front_end, failure, status, event, words
):
    front_end.send("", **DETAILS)
    begun = {"state": "code_sent", "connection": last_connection().pk, "channel": "EMAIL"}
    for ask in (lambda: front_end.get("/plenigo/api/connection/"), lambda: front_end.send("resend/")):
        cache.clear()
        stand_in.failures = [failure]
        answer = ask()
        body = answer.json()
        assert (answer.status_code, words in body.pop("detail")) == (status, True)
        assert body == {"event": event, **begun}


def test_outage_before_the_first_step_leaves_the_reader_where_she_is(stand_in, front_end):
    stand_in.failures = [errors.NoAnswerError(base.SERVICE, "read_sso_settings")]
    answer = front_end.send("", **DETAILS)
    assert (answer.status_code, answer.json()["event"], answer.json()["state"]) == (503, "unavailable", "start")


def test_outage_tells_a_reader_who_is_connected_that_she_is(stand_in, imported, front_end):
    front_end.send("", **DETAILS)
    front_end.send("code/", code=stand_in.last_code)
    cache.clear()
    stand_in.failures = [errors.NoAnswerError(base.SERVICE, "read_sso_settings")]
    assert front_end.get("/plenigo/api/connection/").json()["state"] == "connected"


def test_click_too_many_is_answered_with_an_event_and_until_when(stand_in, imported, front_end, clock, settings):
    settings.PLENIGO = {"default": {**ACCOUNT, "CLICKS_PER_MINUTE": 1}}
    front_end.send("", **DETAILS)
    for path in ("", "code/", "resend/"):
        answer = front_end.send(path, **DETAILS)
        assert (answer.status_code, answer.json()) == (
            429,
            {
                "detail": "Too many tries. Please wait a minute and try again.",
                "state": "code_sent",
                "event": "wait",
                "connection": last_connection().pk,
                "channel": "EMAIL",
                "until": "2026-03-01T13:06:00+00:00",
            },
        )


def test_click_too_many_is_about_the_account_that_it_names(stand_in, imported, front_end, settings):
    settings.PLENIGO = {"default": {**ACCOUNT, "CLICKS_PER_MINUTE": 1}, "next": ACCOUNT}
    front_end.send("", **DETAILS, account="next")
    states = [front_end.send("resend/", account=account).json()["state"] for account in ("default", "next")]
    assert states == ["start", "code_sent"]


def test_visitor_who_clicks_too_fast_is_told_so(stand_in, settings):
    settings.PLENIGO = {"default": {**ACCOUNT, "CLICKS_PER_MINUTE": 1}}
    answers = [JsonClient().send("resend/") for _ in range(2)]
    assert [(answer.status_code, "state" in answer.json()) for answer in answers] == [(401, False), (429, False)]


def test_visitor_is_sent_to_the_log_in(stand_in):
    answer = JsonClient().send("", page="/article/", **DETAILS)
    assert (answer.status_code, answer.json()) == (401, {"login_url": "/login/?next=/article/"})


def test_endpoints_are_missing_with_api_v2(sandbox, front_end, caplog):
    assert [front_end.send(path).status_code for path in ("", "code/", "resend/")] == [404, 404, 404]
    assert "takes API v3" in caplog.text


def test_post_without_csrf_token_is_refused(stand_in, imported, user):
    client = JsonClient(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.send("", **DETAILS).status_code == 403
    assert stand_in.requests == []


@pytest.mark.parametrize("value", ["\ud800", "\x00", ["a"], {"a": 1}, 7, None, "x" * 100_000])
def test_strange_values_are_refused_and_never_a_crash(stand_in, imported, front_end, value):
    for name in (*DETAILS, "page"):
        if (name, value) != ("password", 7):
            assert front_end.send("", **{**DETAILS, name: value}).status_code in (200, 400, 429)
    front_end.send("", **DETAILS)
    for name in ("code", "connection"):
        assert front_end.send("code/", **{"code": "123456", name: value}).status_code in (400, 409, 429)
    assert front_end.send("", account=value).status_code in (400, 401, 409)


# ---- a log-in at plenigo, of a customer who is registered there


@pytest.fixture
def sign_in(front_end):
    def sign_in(**data):
        return front_end.post("/plenigo/api/sign-in/", json.dumps(data), content_type="application/json")

    return sign_in


@pytest.fixture
def registered_session(stand_in, imported):
    imported.email = "ada@example.com"
    return stand_in.start_session(base.CustomerRef(imported.customer_id)).value


def test_reader_who_logs_in_at_plenigo_is_linked_and_can_be_unlinked(stand_in, sign_in, registered_session, user):
    assert sign_in(customer_session=registered_session).json()["state"] == "connected"
    assert customers.link_of(user).customer_id == "1234567"
    done = last_connection()
    assert ([step.step for step in done.tries.all()], done.state) == (["sign_in"], "done")
    assert connection.undo(done)


def test_address_of_this_site_is_told_to_plenigo_after_a_log_in(sign_in, registered_session, user):
    sign_in(customer_session=registered_session)
    changes = RemoteChange.objects.filter(link__user=user, due_at__isnull=False)
    assert [change.kind for change in changes] == ["change_email"]


def test_session_that_plenigo_does_not_know_links_nobody_and_a_few_of_them_lock(stand_in, sign_in, user):
    events = [sign_in(customer_session=f"made-up-{number}").json()["event"] for number in range(6)]
    assert events == ["not_signed_in"] * 5 + ["locked"]
    assert customers.link_of(user) is None


def test_log_in_as_another_customer_or_as_another_readers_is_refused(stand_in, sign_in, registered_session, user):
    LinkFactory(user=UserFactory(), customer_id="1234567")
    assert sign_in(customer_session=registered_session).json()["event"] == "customer_of_another"
    CustomerLink.objects.filter(user=user).update(customer_id="7", customer_id_generation="v3")
    stand_in.sessions["other"] = "8"
    assert sign_in(customer_session="other").json()["event"] == "linked_already"
    assert customers.link_of(user).customer_id == "7"


def test_outage_during_a_log_in_is_told_and_links_nobody(stand_in, sign_in, registered_session, user):
    stand_in.failures = [errors.NoAnswerError(base.SERVICE, "owner_of_session")]
    assert sign_in(customer_session=registered_session).status_code == 503
    assert sign_in(customer_session=registered_session).status_code == 200


@pytest.mark.parametrize("value", ["", None, 7, ["a"], "\ud800"])
def test_log_in_without_a_session_is_refused(stand_in, sign_in, value):
    assert sign_in(customer_session=value).status_code == 400
