"""The pages of `plenigo.SSO`: log-in, registration, a forgotten password, and the connection of an account."""

import pytest
from django.contrib.auth.hashers import check_password

from django_plenigo.sandbox import clock, customer_sessions
from django_plenigo.sandbox.models import Customer, SsoSettings

from .conftest import SHUT_OUT


@pytest.fixture
def open_sso(visit):
    """Open the single sign-on as the script does."""
    return lambda way="login", **options: visit("sso", way=way, **options)


@pytest.fixture
def set_sso(company):
    """Change the settings of the single sign-on."""
    return lambda **values: SsoSettings.objects.filter(company=company).update(**values)


def session_of(page, company):
    return customer_sessions.validate(company, page.outcome["customerSession"])


@pytest.mark.parametrize(
    ("way", "name", "buttons"),
    [
        ("login", "defaultLoginForm", ["login", "show-registration", "show-forgotten"]),
        ("register", "defaultRegisterForm", ["register", "show-login"]),
        ("forgotPassword", "defaultPasswordForgottenPasswordReset", ["send-code", "show-login"]),
    ],
)
def test_page_begins_with_what_was_called_and_tells_its_name(open_sso, way, name, buttons):
    page = open_sso(way)
    assert (page.status, page.buttons) == (200, buttons)
    assert f'data-page="{name}"' in page.text


def test_log_in_and_registration_are_tabs_where_the_site_wants_it(open_sso, customer):
    page = open_sso(showTabs="true")
    assert page.buttons == ["show-registration", "show-login", "login", "show-forgotten"]
    assert 'value="show-login" aria-current="page"' in page.text
    page = page.press("show-registration")
    assert page.buttons == ["show-registration", "show-login", "register"]
    assert 'value="show-registration" aria-current="page"' in page.text
    assert page.press("show-login").press("login", email=customer.email).outcome


@pytest.mark.parametrize("value", [{}, {"showTabs": "false"}], ids=str)
def test_there_are_no_tabs_otherwise(open_sso, value):
    assert "<nav" not in open_sso(**value).text


def test_log_in_ends_with_a_session_that_knows_where_it_was_begun(open_sso, company, customer):
    page = open_sso(source="news-website").press("login", email=customer.email)
    session = session_of(page, company)
    assert (session.customer, session.source) == (customer, "news-website")


def test_registration_makes_a_customer_and_logs_her_in(open_sso, company):
    page = open_sso("register").press("register", email="new@example.com")
    assert session_of(page, company).customer == Customer.objects.get(email="new@example.com")


def test_address_that_the_site_knows_is_filled_in(open_sso):
    assert 'value="ada@example.com"' in open_sso(email="ada@example.com").text


def test_limit_of_sessions_is_obeyed(open_sso, company, customer, set_sso):
    set_sso(max_sessions=2)
    first, second = (customer_sessions.begin(customer, {"browser": name}) for name in ("Firefox", "Safari"))
    page = open_sso().press("login", email=customer.email)
    assert 'data-page="defaultLoginSessionsForm"' in page.text
    assert page.outcome is None
    unknown = page.press("end-session", session="unknown")
    assert "Please choose where to log out." in unknown.text
    session = session_of(unknown.press("end-session", session=first.session_id), company)
    assert list(customer_sessions.active(customer)) == [second, session]


def test_all_sessions_may_be_ended_at_once(open_sso, company, customer):
    customer_sessions.begin(customer, {})
    page = open_sso().press("login", email=customer.email).press("end-all")
    assert list(customer_sessions.active(customer)) == [session_of(page, company)]


def test_sessions_are_ended_by_nobody_who_has_not_logged_in(open_sso, customer):
    customer_sessions.begin(customer, {})
    assert open_sso().press("end-all").status == 403
    assert customer_sessions.active(customer).count() == 1


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"way": ""}, 400),
        ({"way": "logout"}, 400),
        ({"connect": "USER"}, 400),
        ({"way": "register", "verificationUrl": "https://shop.example/verify"}, 400),
    ],
    ids=str,
)
def test_call_that_the_sandbox_does_not_know_is_refused(open_sso, options, status):
    assert open_sso(**options).status == status


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"disable_sso": True}, ""),
        ({"emergency_mode": "PLENIGO_MODE"}, ""),
        ({"allowed_domains": "news.example"}, "defaultInvalidDomainForm"),
    ],
    ids=str,
)
def test_settings_shut_the_log_in(open_sso, set_sso, values, name):
    set_sso(**values)
    page = open_sso()
    assert (page.status, 'data-event="refused"' in page.text) == (403, True)
    assert f'data-page="{name}"' in page.text or not name


@pytest.mark.parametrize(("change", "words"), SHUT_OUT, ids=str)
def test_customer_who_is_shut_out_cannot_log_in(open_sso, customer, change, words):
    Customer.objects.update(**change)
    page = open_sso().press("login", email=customer.email)
    assert (words in page.text, page.outcome) == (True, None)


@pytest.mark.parametrize(("change", "words"), SHUT_OUT, ids=str)
def test_customer_who_is_shut_out_meanwhile_gets_no_session_in_place_of_others(open_sso, customer, change, words):
    customer_sessions.begin(customer, {})
    page = open_sso().press("login", email=customer.email)
    Customer.objects.update(**change)
    refused = page.press("end-all")
    assert (refused.status, words in refused.text) == (403, True)


# ---- a forgotten password --------------------------------------------------------------------------------------


@pytest.fixture
def reset(open_sso, customer):
    """The page that asks for the code."""
    return open_sso("forgotPassword").press("send-code", email=customer.email)


def test_code_changes_the_password_once(reset, sandbox, customer):
    [code] = sandbox.sent_codes(customer.email)
    page = reset.press("set-password", code=code, password="a-new-password")
    assert ("Your password has been changed." in page.text, "login" in page.buttons) == (True, True)
    assert f'value="{customer.email}"' in page.text
    customer.refresh_from_db()
    assert check_password("a-new-password", customer.password)
    again = reset.press("set-password", code=code, password="another-password")
    assert "This code is wrong, too old or was used before." in again.text


def test_customer_who_is_blocked_until_then_comes_back_with_a_new_password(open_sso, sandbox, company, customer):
    Customer.objects.update(status="BLOCKED")
    page = open_sso("forgotPassword").press("send-code", email=customer.email)
    [code] = sandbox.sent_codes(customer.email)
    page = page.press("set-password", code=code, password="a-new-password")
    assert session_of(page.press("login", email=customer.email), company).customer.status == "ACTIVATED"


@pytest.mark.parametrize("change", [change for change, _words in SHUT_OUT if change != {"status": "BLOCKED"}], ids=str)
def test_no_password_lets_in_who_is_shut_out_for_another_reason(open_sso, reset, sandbox, customer, change):
    Customer.objects.update(**change)
    [code] = sandbox.sent_codes(customer.email)
    assert "This code is wrong" in reset.press("set-password", code=code, password="a-new-password").text
    open_sso("forgotPassword").press("send-code", email=customer.email)
    assert sandbox.sent_codes(customer.email) == [code]


def test_wrong_or_old_code_changes_nothing(reset, sandbox, customer):
    [code] = sandbox.sent_codes(customer.email)
    wrong = "000000" if code != "000000" else "111111"
    assert "This code is wrong" in reset.press("set-password", code=wrong, password="a-new-password").text
    sandbox.advance(15 * 60)
    assert "This code is wrong" in reset.press("set-password", code=code, password="a-new-password").text
    customer.refresh_from_db()
    assert customer.password == ""


def test_password_that_is_too_short_is_refused(reset, sandbox, customer):
    [code] = sandbox.sent_codes(customer.email)
    assert "at least 8 characters" in reset.press("set-password", code=code, password="short").text


def test_nobody_learns_who_is_a_customer(open_sso, sandbox, company):
    page = open_sso("forgotPassword").press("send-code", email="nobody@example.com")
    assert "set-password" in page.buttons
    assert sandbox.sent_codes("nobody@example.com") == []
    assert "This code is wrong" in page.press("set-password", code="", password="a-new-password").text


# ---- the connection of an account ------------------------------------------------------------------------------


@pytest.fixture
def imported(sandbox):
    """A customer without an e-mail address."""
    return sandbox.import_customer(postcode="10115").customer


@pytest.fixture
def details(imported):
    return {"customerId": imported.number, "postcode": "10115", "email": "ada@example.com", "password": "correct horse"}


def test_form_asks_for_what_the_settings_want(open_sso, set_sso):
    page = open_sso("register", loginIdentifier="true")
    assert 'data-page="defaultRegistrationWithIdentifierForm"' in page.text
    assert ('name="postcode"' in page.text, 'name="city"' in page.text) == (True, False)
    set_sso(request_city=True, sso_name="REQUIRED")
    page = open_sso("register", loginIdentifier="true")
    assert ('name="city"' in page.text, 'name="lastName"' in page.text) == (True, True)


def test_code_connects_the_account_and_logs_in(open_sso, sandbox, company, imported, details):
    page = open_sso("register", loginIdentifier="true").press("identify", **details)
    token, [code] = page.hidden("token"), sandbox.sent_codes("ada@example.com")
    session = session_of(page.press("verify", token=token, code=code), company)
    assert (session.customer, session.customer.email) == (imported, "ada@example.com")


def test_another_code_takes_the_place_of_the_first(open_sso, sandbox, company, details):
    page = open_sso("register", loginIdentifier="true").press("identify", **details)
    first = page.hidden("token")
    page = page.press("resend", token=first)
    [old, new] = sandbox.sent_codes("ada@example.com")
    assert page.press("verify", token=first, code=old).status == 412
    assert session_of(page.press("verify", token=page.hidden("token"), code=new), company)


def test_wrong_codes_are_counted(open_sso, sandbox, details):
    page = open_sso("register", loginIdentifier="true").press("identify", **details)
    token, [code] = page.hidden("token"), sandbox.sent_codes("ada@example.com")
    for _ in range(5):
        assert "This code is not right." in page.press("verify", token=token, code="x").text
    assert page.press("verify", token=token, code=code).status == 400


def test_code_that_is_too_old_is_refused(open_sso, sandbox, details):
    page = open_sso("register", loginIdentifier="true").press("identify", **details)
    [code] = sandbox.sent_codes("ada@example.com")
    sandbox.advance(15 * 60)
    assert page.press("verify", token=page.hidden("token"), code=code).status == 408


@pytest.mark.parametrize("wrong", [{"postcode": "99999"}, {"customerId": "1"}], ids=str)
def test_details_that_do_not_match_are_told_alike(open_sso, details, wrong):
    page = open_sso("register", loginIdentifier="true").press("identify", **{**details, **wrong})
    assert "These details do not belong together" in page.text


@pytest.mark.parametrize("wrong", [{"email": "ada"}, {"customerId": "12-34"}, {"password": ""}], ids=str)
def test_mistake_is_marked(open_sso, sandbox, details, wrong):
    page = open_sso("register", loginIdentifier="true").press("identify", **{**details, **wrong})
    assert 'aria-invalid="true"' in page.text
    assert sandbox.sent_codes("ada@example.com") == []


def test_customer_who_has_an_address_is_told_to_log_in(open_sso, imported, details):
    Customer.objects.filter(pk=imported.pk).update(email="x@example.com", has_pseudo_email=False)
    page = open_sso("register", loginIdentifier="true").press("identify", **details)
    assert ("connected already" in page.text, "login" in page.buttons) == (True, True)


@pytest.mark.parametrize(("change", "words"), SHUT_OUT, ids=str)
def test_customer_who_is_shut_out_cannot_connect(open_sso, sandbox, imported, details, change, words):
    page = open_sso("register", loginIdentifier="true").press("identify", **details)
    token, [code] = page.hidden("token"), sandbox.sent_codes("ada@example.com")
    Customer.objects.filter(pk=imported.pk).update(**change)
    refused = page.press("verify", token=token, code=code)
    assert (refused.status, words in refused.text) == (400, True)
    assert page.press("resend", token=token).status == 403
    again = open_sso("register", loginIdentifier="true").press("identify", **{**details, "email": "b@example.com"})
    assert (words in again.text, sandbox.sent_codes("b@example.com")) == (True, [])


def test_address_of_another_customer_is_refused(open_sso, customer, details):
    page = open_sso("register", loginIdentifier="true").press("identify", **{**details, "email": customer.email})
    assert "There is a customer with this e-mail address already." in page.text


def test_connection_that_the_settings_do_not_allow_is_refused(open_sso, set_sso):
    set_sso(allow_registration_identifier=False)
    assert open_sso("register", loginIdentifier="true").status == 403


@pytest.mark.parametrize(("value", "label"), [("true", "Connect an existing subscription"), ("I read on paper", None)])
def test_registration_leads_to_the_connection_where_the_site_wants_it(open_sso, value, label):
    page = open_sso("register", showLoginIdentifier=value)
    assert (label or value) in page.text
    assert "identify" in page.press("show-identifier").buttons


def test_old_ticket_is_refused(open_sso, time_machine):
    time_machine.move_to(clock.now())
    page = open_sso()
    time_machine.shift(3600)
    assert page.press("login", email="ada@example.com").status == 403
