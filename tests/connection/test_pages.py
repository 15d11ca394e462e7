"""A reader connects her subscription, page by page."""

import re
from dataclasses import replace

import pytest
from django.test import Client

from django_plenigo import errors
from django_plenigo.models import AccountConnection, CustomerLink, RemoteChange
from django_plenigo.protocols import base
from django_plenigo.services import access, connection, customers, sessions
from django_plenigo.signals import account_connected
from tests.connection.conftest import DETAILS, Browser, last_connection, text_of
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db

RejectedError, RateLimitError = errors.RejectedError, errors.RateLimitError


def refused(code, status=400):
    return RejectedError(base.SERVICE, "any", status=status, code=code)


def test_reader_connects_her_subscription_with_the_code(stand_in, imported, browser, user):
    page = browser.start()
    assert (page.redirect_chain, "by e-mail" in text_of(page)) == ([("/plenigo/connect/code/", 302)], True)
    done = browser.enter(stand_in.last_code)
    assert "Your subscription is connected." in text_of(done)
    link = customers.link_of(user)
    assert (link.customer_id, link.confirmed_email) == (imported.customer_id, user.email)
    assert imported.email == user.email
    assert last_connection().state == "done"


def test_code_goes_to_the_address_of_the_account_and_to_no_other(stand_in, imported, browser, user):
    browser.start(email="somebody.else@example.com")
    assert stand_in.sent == [(user.email, stand_in.last_code)]


def test_done_connection_keeps_the_session_drops_answers_and_tells_the_site(
    stand_in, imported, browser, user, django_capture_on_commit_callbacks
):
    told = []
    account_connected.connect(receiver := lambda link, user, **_: told.append((link.user, user)))
    browser.start()
    with django_capture_on_commit_callbacks(execute=True):
        browser.enter(stand_in.last_code)
    account_connected.disconnect(receiver)
    assert told == [(user, user)]
    session = sessions.kept_session(customers.link_of(user))
    assert stand_in.sessions[session.value] == imported.customer_id
    assert access.kept_answers(user) == []


def test_done_connection_gives_the_customer_no_external_id_which_nobody_could_take_back(
    stand_in, imported, browser, user
):
    browser.start()
    browser.enter(stand_in.last_code)
    waiting = RemoteChange.objects.filter(link__user=user, due_at__isnull=False)
    assert (imported.external_id, list(waiting)) == ("", [])


def test_address_that_changed_meanwhile_is_told_to_plenigo(stand_in, imported, browser, user):
    browser.start()
    user.email = "new@example.com"
    user.save()
    browser.enter(stand_in.last_code)
    changes = RemoteChange.objects.filter(link__user=user, due_at__isnull=False)
    assert [change.kind for change in changes] == ["change_email"]


def test_visitor_is_led_to_the_log_in_and_back(stand_in):
    response = Client().get("/plenigo/connect/?next=/article/")
    assert response.url == "/login/?next=/plenigo/connect/%3Fnext%3D/article/"


def test_done_page_leads_back_to_where_the_reader_came_from(stand_in, imported, browser):
    browser.post("/plenigo/connect/", {**DETAILS, "next": "/article/"})
    assert '<a href="/article/">' in text_of(browser.enter(stand_in.last_code))


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_done_page_leads_to_no_other_site(stand_in, imported, browser, elsewhere):
    browser.post("/plenigo/connect/", {**DETAILS, "next": elsewhere})
    assert "evil" not in text_of(browser.enter(stand_in.last_code))


# ---- the form, by the settings


def fields_of(response):
    return list(response.context["form"].fields)


def test_form_asks_for_what_the_settings_ask_for_and_for_nothing_else(stand_in, browser):
    assert fields_of(browser.get("/plenigo/connect/")) == ["customer_id", "postcode", "password"]


def test_form_asks_for_every_part_that_is_switched_on(stand_in, browser):
    stand_in.set(
        subscription_id=True, street=True, street_number=True, city=True, forces_username=True,
        token_type=base.TokenType.SMS, name_query=base.NameQuery.REQUIRED,
    )  # fmt: skip
    assert set(fields_of(browser.get("/plenigo/connect/"))) == {
        *("customer_id", "subscription_id", "postcode", "street", "street_number", "city"),
        *("username", "mobile_number", "first_name", "last_name", "password"),
    }


@pytest.mark.parametrize(
    ("name_query", "is_shown", "is_required"),
    [
        (base.NameQuery.REQUIRED, True, True),
        (base.NameQuery.OPTIONAL, True, False),
        (base.NameQuery.NOT_SHOWN, False, None),
    ],
)
def test_names_are_asked_for_by_their_setting(stand_in, browser, name_query, is_shown, is_required):
    stand_in.set(name_query=name_query)
    field = browser.get("/plenigo/connect/").context["form"].fields.get("first_name")
    assert (field is not None, field and field.required) == (is_shown, is_required)


def test_subscription_number_alone_finds_the_customer(stand_in, imported, browser, user):
    stand_in.set(customer_id=False, subscription_id=True)
    browser.start(subscription_id="42")
    browser.enter(stand_in.last_code)
    assert customers.link_of(user).customer_id == imported.customer_id


def test_code_by_sms_goes_to_the_number_however_it_is_written(stand_in, imported, browser):
    stand_in.set(token_type=base.TokenType.SMS)
    page = browser.start(mobile_number="0049 151/123-456 78")
    assert (stand_in.sent[0][0], "by SMS" in text_of(page)) == ("+4915112345678", True)


@pytest.mark.parametrize(
    ("details", "sentence"),
    [
        ({"customer_id": "12-34"}, "A customer number has digits only, at most 18."),
        ({"customer_id": "1" * 19}, "A customer number has digits only, at most 18."),
        ({"postcode": ""}, "This field is required."),
        ({"password": ""}, "This field is required."),
    ],
)
def test_mistake_is_told_at_its_field_and_nothing_is_sent(stand_in, imported, browser, details, sentence):
    text = text_of(browser.start(**details))
    assert sentence in text
    assert "Error:" in text  # in the title
    assert stand_in.requests == []


@pytest.mark.parametrize(
    "values", [{"allows_connection": False}, {"is_disabled": True}, {"is_in_emergency": True}, {"customer_id": False}]
)
def test_form_is_not_offered_where_the_settings_say_so(stand_in, imported, browser, values):
    stand_in.set(**values)
    assert "cannot be connected at the moment" in text_of(browser.get("/plenigo/connect/"))
    assert "cannot be connected at the moment" in text_of(browser.start())
    assert stand_in.requests == []


def test_page_is_missing_with_api_v2_and_the_log_says_why(sandbox, browser, caplog):
    assert browser.get("/plenigo/connect/").status_code == 404
    assert "takes API v3" in caplog.text


def test_reader_without_an_address_is_asked_to_enter_one_first(stand_in, imported, browser, user):
    user.email = ""
    user.save()
    assert "valid e-mail address in your account first" in text_of(browser.start())


def test_outage_is_told_in_a_sentence(stand_in, browser):
    stand_in.failures = [errors.NoAnswerError(base.SERVICE, "read_sso_settings")]
    response = browser.get("/plenigo/connect/")
    assert (response.status_code, "cannot reach our subscription service" in text_of(response)) == (503, True)


# ---- what comes of the first step


def test_unknown_number_and_wrong_postcode_are_answered_alike(stand_in, imported, browser):
    unknown = browser.start(customer_id="7654321")
    wrong = browser.start(postcode="99999")
    assert "These details do not match our records." in text_of(wrong)
    same = text_of(unknown).replace("7654321", "1234567").replace("10115", "99999")
    assert strip_token(same) == strip_token(text_of(wrong))
    assert unknown.status_code == wrong.status_code


def strip_token(text):
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)


def test_details_are_kept_after_a_mismatch_but_not_the_password(stand_in, imported, browser):
    text = text_of(browser.start(postcode="99999"))
    assert 'value="99999"' in text
    assert DETAILS["password"] not in text


def test_registered_customer_is_offered_the_log_in(stand_in, imported, browser):
    imported.email = "ada@example.com"
    text = text_of(browser.start())
    assert ("already registered" in text, imported.email in text) == (True, False)
    assert re.findall(r'data-plenigo-sign-in="(\w+)"', text) == ["login", "forgotPassword"]
    assert 'data-sign-in-url="/plenigo/api/sign-in/"' in text


def test_vendor_that_wants_patience_is_waited_for_with_the_details_kept(stand_in, imported, browser):
    browser.get("/plenigo/connect/")  # the settings are asked for
    stand_in.failures = [RateLimitError(base.SERVICE, "start", status=423, code=base.REGISTRATION_UNDER_WAY)]
    text = text_of(browser.start())
    assert ("Please wait a few seconds" in text, 'value="10115"' in text) == (True, True)


def test_value_that_plenigo_refuses_is_told_at_its_field(stand_in, imported, browser):
    stand_in.set(forces_username=True)
    browser.get("/plenigo/connect/")
    stand_in.failures = [errors.ConflictError(base.SERVICE, "start", status=400, code=base.USERNAME_TAKEN)]
    page = browser.start(username="ada")
    assert page.context["form"].errors["username"] == ["This cannot be accepted."]


def test_customer_who_is_blocked_looks_like_any_mismatch(stand_in, imported, browser):
    browser.get("/plenigo/connect/")
    stand_in.failures = [refused("customer is deactivated", 400)]
    assert "do not match our records" in text_of(browser.start())


# ---- the code


def test_wrong_code_can_be_corrected(stand_in, imported, browser, user):
    browser.start()
    assert "This code is not right." in text_of(browser.enter("000000"))
    assert last_connection().wrong_codes == 1
    browser.enter(stand_in.last_code)
    assert customers.link_of(user) is not None


def test_wrong_code_is_tied_to_its_field(stand_in, imported, browser):
    browser.start()
    text = text_of(browser.enter("000000"))
    field = re.search('<input[^>]*name="code"[^>]*>', text)[0]
    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="id_code_error"' in field
    assert '<a href="#id_code">Code</a>: This code is not right.' in text
    assert re.search('id="id_code_error".*This code is not right', text, re.DOTALL)


def test_address_that_was_taken_meanwhile_leads_back_to_the_form(stand_in, imported, browser, caplog):
    browser.start()
    stand_in.failures = [errors.ConflictError(base.SERVICE, "confirm", status=400, code=base.EMAIL_TAKEN)]
    page = browser.enter("123456")
    assert "Your e-mail address already belongs to another customer account." in text_of(page)
    assert ("password" in fields_of(page), "plenigo_connection" in browser.session) == (True, False)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_username_that_was_taken_meanwhile_is_told_at_its_field(stand_in, imported, browser):
    stand_in.set(forces_username=True)
    browser.start(username="ada")
    stand_in.failures = [errors.ConflictError(base.SERVICE, "confirm", status=400, code=base.USERNAME_TAKEN)]
    page = browser.enter("123456")
    assert page.context["form"].errors["username"] == ["This cannot be accepted."]
    field = re.search('<input[^>]*name="username"[^>]*>', text_of(page))[0]
    assert 'aria-describedby="id_username_error"' in field


def test_no_sentence_for_readers_names_plenigo():
    sentences = [str(sentence) for sentence in connection.FOR_READER.values()]
    assert [sentence for sentence in sentences if "plenigo" in sentence] == []


def test_other_code_replaces_the_first(stand_in, imported, browser, user):
    browser.start()
    first = stand_in.last_code
    browser.resend()
    assert "This code is not right." in text_of(browser.enter(first))
    browser.enter(stand_in.last_code)
    assert customers.link_of(user) is not None


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (refused(base.PROCESS_EXPIRED, 408), "The code has expired."),
        (refused(base.PROCESS_USED, 412), "This code was used already."),
        (refused(base.PROCESS_OUT_OF_ORDER, 428), "This page is out of date"),
        (refused(base.TOO_MANY_TRIES), "The code was wrong too often."),
        (refused("refused", 403), "We could not go on from here."),
    ],
)
def test_code_that_leads_nowhere_leads_back_to_the_form(stand_in, imported, browser, failure, sentence):
    browser.start()
    stand_in.failures = [failure]
    page = browser.enter("123456")
    assert (sentence in text_of(page), "password" in fields_of(page)) == (True, True)
    assert last_connection().state == "refused"
    assert "plenigo_connection" not in browser.session


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (refused("refused", 403), "No other code can be sent now."),
        (RateLimitError(base.SERVICE, "resend", status=429), "Please wait a few seconds"),
        (errors.NoAnswerError(base.SERVICE, "resend"), "cannot reach our subscription service"),
    ],
)
def test_code_that_was_sent_works_where_no_other_can_be_sent(stand_in, imported, browser, user, failure, sentence):
    browser.start()
    stand_in.failures = [failure]
    assert sentence in text_of(browser.resend())
    browser.enter(stand_in.last_code)
    assert customers.link_of(user) is not None


def test_second_tab_is_told_that_another_one_has_started_again(stand_in, imported, browser, user):
    browser.start()
    first_tab, first_code = last_connection().pk, stand_in.last_code
    browser.start()
    text = text_of(browser.enter(first_code, connection=first_tab))
    assert "started again in another tab" in text
    assert stand_in.calls.count("confirm_connection") == 0
    browser.enter(stand_in.last_code, connection=last_connection().pk)
    assert customers.link_of(user) is not None


def test_tab_that_is_late_sees_that_the_reader_is_connected(stand_in, imported, browser):
    browser.start()
    code = stand_in.last_code
    browser.enter(code)
    assert "Your subscription is connected." in text_of(browser.enter(code))


def test_code_without_a_start_is_out_of_order(stand_in, imported, browser):
    assert "This page is out of date" in text_of(browser.enter("123456"))


@pytest.mark.parametrize("page", ["", "code/", "done/"])
def test_reader_who_is_a_customer_by_a_registration_is_not_told_that_she_has_connected(stand_in, browser, user, page):
    customers.register(user)
    text = text_of(browser.get(f"/plenigo/connect/{page}", follow=True))
    assert ("not merged by themselves" in text, "is connected" in text) == (True, False)


def test_reader_who_is_no_customer_is_led_from_the_last_page_to_the_first(stand_in, imported, browser):
    assert browser.get("/plenigo/connect/done/").url == "/plenigo/connect/"


def test_reader_whose_connection_was_undone_has_connected_nothing_by_her_next_registration(
    stand_in, imported, browser, user
):
    browser.start()
    browser.enter(stand_in.last_code)
    connection.undo(last_connection())
    LinkFactory(user=user, customer_id="7")
    assert "not merged by themselves" in text_of(browser.get("/plenigo/connect/done/"))


def test_customer_who_was_registered_meanwhile_is_told_so(stand_in, imported, browser):
    browser.start()
    imported.email = "ada@example.com"
    assert "already registered" in text_of(browser.enter(stand_in.last_code))


# ---- whose it is


def test_reader_who_is_another_customer_is_refused_before_anything_is_sent(stand_in, imported, browser, user):
    LinkFactory(user=user, customer_id="7")
    assert "not merged by themselves" in text_of(browser.start())
    assert stand_in.requests == []


def test_reader_who_became_another_customer_meanwhile_is_refused(stand_in, imported, browser, user):
    browser.start()
    LinkFactory(user=user, customer_id="7")
    assert "not merged by themselves" in text_of(browser.enter(stand_in.last_code))
    assert (CustomerLink.objects.get(user=user).customer_id, last_connection().reason) == ("7", "linked_already")


def test_customer_of_another_reader_is_refused_and_left_to_the_agent(stand_in, imported, browser, user):
    LinkFactory(user=UserFactory(), customer_id=imported.customer_id)
    browser.start()
    assert "belongs to another reader" in text_of(browser.enter(stand_in.last_code))
    assert customers.link_of(user) is None
    assert (last_connection().state, last_connection().reason) == ("refused", "customer_of_another")


def test_owner_whom_nobody_tells_is_left_to_the_agent(stand_in, imported, browser, user):
    browser.start()
    stand_in.owner_of_session = lambda session: None
    assert "could not be connected to your account here" in text_of(browser.enter(stand_in.last_code))
    assert last_connection().reason == "owner_unknown"


def test_outage_after_the_code_costs_nobody_her_only_code(stand_in, imported, browser, user):
    browser.start()
    code, owner_of = stand_in.last_code, stand_in.owner_of_session
    stand_in.owner_of_session = raising(errors.NoAnswerError(base.SERVICE, "owner_of_session"))
    assert "cannot reach our subscription service" in text_of(browser.enter(code))
    assert next(iter(stand_in.sessions)) not in last_connection().encrypted_session
    stand_in.owner_of_session = owner_of
    browser.enter(code)
    assert customers.link_of(user).customer_id == imported.customer_id
    assert stand_in.calls.count("confirm_connection") == 1
    assert last_connection().encrypted_session == ""


def raising(error):
    def raise_it(session):
        raise error

    return raise_it


def test_credentials_that_fail_after_the_code_are_left_to_the_agent(stand_in, imported, browser):
    browser.start()
    stand_in.owner_of_session = raising(errors.AuthenticationError(base.SERVICE, "owner_of_session", status=401))
    assert "could not be connected to your account here" in text_of(browser.enter(stand_in.last_code))
    assert (last_connection().reason, last_connection().encrypted_session) == ("owner_unknown", "")


@pytest.mark.parametrize("step", ["start", "code"])
def test_part_of_plenigo_that_is_not_booked_is_not_blamed_on_the_reader(stand_in, imported, browser, step):
    browser.get("/plenigo/connect/")
    if step == "code":
        browser.start()
    stand_in.failures = [RejectedError(base.SERVICE, step, status=400, code=base.MODULE_NOT_BOOKED)]
    answer = browser.start() if step == "start" else browser.enter("123456")
    assert "Something went wrong on our side" in text_of(answer)
    assert last_connection().wrong_codes == 0


# ---- secrets


def test_process_token_and_session_are_in_no_page_and_the_password_is_nowhere(stand_in, imported, browser, caplog):
    shown = text_of(browser.start()) + text_of(browser.enter("000000")) + text_of(browser.resend())
    kept = str(dict(browser.session))
    token = next(iter(stand_in.processes))
    assert token in kept
    shown += text_of(browser.enter(stand_in.last_code))
    assert [secret for secret in (token, *stand_in.sessions, DETAILS["password"]) if secret in shown] == []
    assert DETAILS["password"] not in kept
    rows = str(list(AccountConnection.objects.values())) + caplog.text
    assert [each for each in (token, DETAILS["customer_id"], DETAILS["postcode"], "@example.com") if each in rows] == []


def test_session_in_a_cookie_is_refused(stand_in, imported, browser, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    other = Browser()
    other.force_login(UserFactory())
    with pytest.raises(errors.ConfigurationError):
        other.get("/plenigo/connect/")


def test_pages_are_private(stand_in, imported, browser):
    for response in (browser.get("/plenigo/connect/"), browser.start()):
        assert response.headers["Cache-Control"] == "private, no-store"


# ---- for everybody


def test_pages_speak_german(stand_in, imported, browser):
    browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    assert "Mein Abonnement verknüpfen" in text_of(browser.get("/plenigo/connect/"))
    wrong = text_of(browser.start(postcode="99999"))
    assert "Diese Angaben stimmen nicht mit unseren Unterlagen überein." in wrong
    assert "Wir haben Ihnen per E-Mail an Ihre Adresse einen Code gesendet." in text_of(browser.start())
    assert stand_in.requests[-1].language == "de"
    assert "Ihr Abonnement ist verknüpft." in text_of(browser.enter(stand_in.last_code))


def test_every_field_has_a_label_and_tells_its_mistake_and_what_a_browser_may_fill_in(stand_in, imported, browser):
    text = text_of(browser.start(customer_id="abc", postcode=""))
    for name in ("customer_id", "postcode", "password"):
        field = re.search(f'<input[^>]*name="{name}"[^>]*>', text)[0]
        assert f'<label for="id_{name}">' in text
        assert "autocomplete=" in field
    assert 'aria-describedby="id_customer_id_error"' in text
    assert 'id="id_customer_id_error"' in text
    assert '<div class="plenigo-errors" role="alert" tabindex="-1" autofocus>' in text


def test_pages_have_neither_script_nor_style_of_their_own(stand_in, imported, browser):
    pages = [
        browser.get("/plenigo/connect/"),
        browser.start(),
        browser.enter("000000"),
        browser.get("/plenigo/devices/"),
    ]
    imported.email = "ada@example.com"
    pages.append(browser.start())
    for text in map(text_of, pages):
        assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=", text) == []


@pytest.fixture
def log_in_page(stand_in, imported, user):
    """The page with plenigo's log-in, of a browser that meets the settings as they are now."""

    def log_in_page():
        browser = Browser()
        browser.force_login(user)
        imported.email = "ada@example.com"
        return browser.start()

    return log_in_page


def nonces_of(response):
    """Return the nonce of each script of a page, and those of its policy."""
    scripts = re.findall("<script[^>]*>", text_of(response))
    nonces = {nonce for script in scripts for nonce in re.findall(' nonce="([^"]+)"', script) or ["none"]}
    return nonces, set(re.findall("'nonce-([^']+)'", response.headers["Content-Security-Policy"]))


def test_every_script_carries_the_nonce_of_djangos_policy_without_its_context_processor(log_in_page, settings):
    csp = pytest.importorskip("django.utils.csp", reason="Django has its own policy from 6.0 on")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.csp.ContentSecurityPolicyMiddleware"]
    settings.SECURE_CSP = {"script-src": [csp.CSP.NONCE]}
    scripts, policy = nonces_of(log_in_page())
    assert (scripts, len(policy)) == (policy, 1)


def test_every_script_carries_the_nonce_of_django_csp(log_in_page, settings):
    constants = pytest.importorskip("csp.constants")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "csp.middleware.CSPMiddleware"]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"script-src": [constants.NONCE]}}
    scripts, policy = nonces_of(log_in_page())
    assert (scripts, len(policy)) == (policy, 1)


def test_no_script_has_an_empty_nonce_where_the_site_has_none(log_in_page):
    assert "sign-in.js" in text_of(page := log_in_page())
    assert "nonce" not in text_of(page)


def test_terms_that_a_reader_agrees_to_are_kept_with_the_connection_whatever_they_are_later(
    stand_in, imported, browser
):
    terms = iter(["Terms of May.", "Terms of May.", "Terms of June."])
    stand_in.read_sso_settings = lambda language: replace(stand_in.settings, terms_text=next(terms))
    page = text_of(browser.get("/plenigo/connect/"))
    assert page.index("you agree to these terms") < page.index("Terms of May.") < page.index("Send me a code")
    browser.start()
    browser.enter(stand_in.last_code)
    row = AccountConnection.objects.get()
    assert (row.state, row.terms_text) == ("done", "Terms of May.")


def test_no_terms_are_kept_where_plenigo_has_none(stand_in, imported, browser):
    stand_in.read_sso_settings = lambda language: stand_in.settings
    assert "agree" not in text_of(browser.get("/plenigo/connect/"))
    browser.start()
    assert AccountConnection.objects.get().terms_text == ""


def test_terms_are_shown_as_plain_text(stand_in, imported, browser):
    stand_in.read_sso_settings = lambda language: replace(stand_in.settings, terms_text="<b>Terms</b>")
    assert "&lt;b&gt;Terms&lt;/b&gt;" in text_of(browser.get("/plenigo/connect/"))
