"""What every verb makes of a vendor who refuses the account, is out of order, or is gone: docs/errors.md."""

import pytest

from django_plenigo import errors
from django_plenigo.protocols.base import SERVICE, CustomerRef
from django_plenigo.protocols.plenigo_v2 import PlenigoV2
from django_plenigo.protocols.plenigo_v2.answers import judge
from django_plenigo.sandbox.credentials import COMPANY_ID, SECRET
from django_plenigo.sandbox.pages.session_cookie import new_session_cookie
from django_plenigo.transport import Transport

#: Every verb that calls the vendor, with arguments that he accepts.
VERBS = {
    "register_user": lambda client, ada: client.register_user("eve@example.com"),
    "register_user again": lambda client, ada: client.register_user(ada.email, fail_by_existing_email=False),
    "change_email": lambda client, ada: client.change_email(CustomerRef(ada.customer_id), "new@example.com"),
    "change_profile": lambda client, ada: client.change_profile(
        CustomerRef(ada.customer_id), first_name="Ada", last_name="Moss", gender="FEMALE"
    ),
    "add_external_id": lambda client, ada: client.add_external_id(ada.customer_id, "A-1"),
    "create_login_token": lambda client, ada: client.create_login_token(CustomerRef(ada.customer_id)),
    "create_login_tokens": lambda client, ada: client.create_login_tokens(CustomerRef(ada.customer_id), 2),
    "import_access_ids": lambda client, ada: client.import_access_ids(CustomerRef(ada.customer_id), ["one"]),
    "has_bought": lambda client, ada: client.has_bought(CustomerRef(ada.customer_id), ["P"]),
    "check_customer": lambda client, ada: client.check_customer(CustomerRef(ada.customer_id)),
    "is_paywall_enabled": lambda client, ada: client.is_paywall_enabled(),
    "confirm_user_cookie": lambda client, ada: client.confirm_user_cookie(new_session_cookie(ada)),
}
#: Those whose repeat could do something twice: they are sent once, whatever happens.
ONCE = {"register_user", "create_login_token", "create_login_tokens"}
#: Those that a company without a closed user group may call all the same.
READING = {"has_bought", "check_customer", "is_paywall_enabled", "confirm_user_cookie"}

every_verb = pytest.mark.parametrize("verb", VERBS)


@every_verb
def test_verb_works_while_nothing_fails(plenigo, ada, verb):
    VERBS[verb](plenigo, ada)


@every_verb
def test_wrong_secret_is_an_authentication_error(connect, ada, verb):
    with pytest.raises(errors.AuthenticationError) as caught:
        VERBS[verb](connect(SECRET="x" * 40), ada)
    assert (caught.value.status, caught.value.retryable) == (401, False)


@every_verb
def test_wrong_company_is_an_authentication_error(connect, ada, verb):
    with pytest.raises(errors.AuthenticationError, match="HTTP 401"):
        VERBS[verb](connect(COMPANY_ID="UnknownCompany000000"), ada)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in READING])
def test_company_without_closed_user_group_is_an_authentication_error(plenigo, sandbox, ada, verb):
    sandbox.company.closed_user_group = False
    sandbox.company.save()
    with pytest.raises(errors.AuthenticationError, match="no closed user group") as caught:
        VERBS[verb](plenigo, ada)
    assert caught.value.status == 403


@pytest.mark.parametrize("verb", sorted(READING))
def test_company_without_closed_user_group_may_still_be_read(plenigo, sandbox, ada, verb):
    sandbox.company.closed_user_group = False
    sandbox.company.save()
    VERBS[verb](plenigo, ada)


@every_verb
def test_too_many_calls_are_a_rate_limit_error_that_says_how_long_to_wait(plenigo, sandbox, ada, verb):
    sandbox.fail_next(429, retry_after=7)
    with pytest.raises(errors.RateLimitError) as caught:
        VERBS[verb](plenigo, ada)
    assert (caught.value.retry_after_seconds, caught.value.retryable, len(sandbox.calls)) == (7.0, True, 1)


@every_verb
def test_outage_is_unavailable_and_says_how_long_to_wait(plenigo, sandbox, ada, verb):
    sandbox.fail_next(503, retry_after=30, times=None)
    with pytest.raises(errors.RemoteUnavailableError) as caught:
        VERBS[verb](plenigo, ada)
    # Nobody is kept waiting for half a minute: there is no second try.
    assert (caught.value.retry_after_seconds, caught.value.status, len(sandbox.calls)) == (30.0, 503, 1)


@every_verb
def test_hiccup_is_tried_again_only_where_that_does_nothing_twice(plenigo, sandbox, ada, verb):
    sandbox.fail_next(502)
    if verb not in ONCE:
        VERBS[verb](plenigo, ada)
        assert len(sandbox.calls) == 2
        return
    with pytest.raises(errors.RemoteUnavailableError):
        VERBS[verb](plenigo, ada)
    assert len(sandbox.calls) == 1


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ONCE])
def test_retry_carries_a_token_of_its_own(plenigo, sandbox, ada, verb):
    sandbox.fail_next(503, after_work=True)  # so that the first token has been used
    VERBS[verb](plenigo, ada)
    assert len(sandbox.calls) == 2


@every_verb
@pytest.mark.parametrize("after_work", [False, True])
def test_lost_connection_is_no_answer(plenigo, sandbox, ada, verb, after_work):
    sandbox.cut_next(times=None, after_work=after_work)
    with pytest.raises(errors.NoAnswerError) as caught:
        VERBS[verb](plenigo, ada)
    assert (caught.value.status, caught.value.retryable) == (None, True)
    assert len(sandbox.calls) == (1 if verb in ONCE else 3)


def test_late_answer_is_no_answer_though_the_work_was_done(connect, sandbox, ada):
    plenigo = connect(TIMEOUT_SECONDS=1.5)
    sandbox.delay_next(2, after_work=True)
    with pytest.raises(errors.NoAnswerError):
        plenigo.register_user("eve@example.com")
    assert [customer.email for customer in sandbox.customers()] == ["ada@example.com", "eve@example.com"]


@every_verb
def test_page_instead_of_json_is_a_protocol_error(plenigo, sandbox, ada, verb):
    sandbox.garble_next()
    with pytest.raises(errors.ProtocolError):
        VERBS[verb](plenigo, ada)


MEANINGS = {
    302: errors.ProtocolError,
    400: errors.RejectedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    500: errors.RemoteUnavailableError,
}


@pytest.mark.parametrize(
    ("verb", "status"),
    # To the question about a cookie a 400 is an answer: the vendor cannot read it.
    [(verb, status) for verb in VERBS for status in MEANINGS if (verb, status) != ("confirm_user_cookie", 400)],
)
def test_status_becomes_the_error_that_the_table_names(plenigo, sandbox, ada, verb, status):
    sandbox.fail_next(status)
    with pytest.raises(MEANINGS[status]) as caught:
        VERBS[verb](plenigo, ada)
    assert (type(caught.value), caught.value.status, len(sandbox.calls)) == (MEANINGS[status], status, 1)


def test_replayed_token_is_refused(way, sandbox):
    transport = Transport(SERVICE, way.api, judge=judge, timeout_seconds=5, adapter=way.adapter)
    client = PlenigoV2(transport=transport, company_id=COMPANY_ID, secrets=[SECRET], new_jti=lambda: "the same")
    assert client.is_paywall_enabled() is True
    with pytest.raises(errors.AuthenticationError, match="HTTP 401"):
        client.is_paywall_enabled()


def test_many_calls_carry_a_token_each(plenigo, sandbox):
    assert [plenigo.is_paywall_enabled() for _call in range(5)] == [True] * 5


def test_vendor_who_stays_away_is_not_asked_any_more(plenigo, sandbox):
    sandbox.fail_next(503, retry_after=30, times=None)
    for _call in range(6):
        with pytest.raises(errors.RemoteUnavailableError):
            plenigo.is_paywall_enabled()
    assert len(sandbox.calls) == 5
