"""System checks name the cause and what to write."""

import sys

import pytest
from django.core.checks import run_checks

LIVE = {"MODE": "live", "COMPANY_ID": "C" * 20, "SECRET": "s" * 40}


def ids(**kwargs):
    return {message.id for message in run_checks(tags=["plenigo"], **kwargs)}


def test_default_settings_of_the_sandbox_pass():
    assert ids() == set()


@pytest.mark.parametrize(
    ("entry", "check_id"),
    [
        ({**LIVE, "TIMEOUT": 5}, "plenigo.E002"),
        ({**LIVE, "TEST_MODE": "False"}, "plenigo.E003"),
        ({"MODE": "live"}, "plenigo.E003"),
        ({**LIVE, "HOSTS": {"api": "https://api.plenigo-stage.com"}}, "plenigo.E004"),
    ],
)
def test_wrong_account_is_an_error(settings, entry, check_id):
    settings.PLENIGO = {"default": entry}
    assert ids() == {check_id}


@pytest.mark.parametrize(
    "entry",
    [
        {"COMPANY_ID": ""},
        {"COMPANY_ID": " "},
        {"COMPANY_ID": "C\n"},
        {"SECRET": ""},
        {"SECRET": " x\n"},
        {"SECRET": ["x", " "]},
        {"SECRET": ["x", 5]},
        {"TIMEOUT_SECONDS": 0},
        {"TIMEOUT_SECONDS": -1},
        {"TIMEOUT_SECONDS": float("nan")},
        {"TIMEOUT_SECONDS": float("inf")},
        {"ACCESS_TTL_SECONDS": -1},
        {"ACCESS_STALE_SECONDS": float("nan")},
        {"OFFER_SECONDS": float("inf")},
        {"CLICKS_PER_MINUTE": -1},
        {"CHECKS_PER_MINUTE": -1},
        {"HOSTS": {"api": "http://x.example"}},
        {"HOSTS": {"api": 5}},
        {"HOSTS": {"api": ""}},
        {"HOSTS": {"api": "/plenigo-sandbox"}},
        {"HOSTS": {"api": "https://x.example:99999"}},
        {"HOSTS": {"api": "https://x.example\n"}},
        {"HOSTS": {"api": "https://[x.example"}},
        {"HOSTS": {"api": f"https://{'a' * 64}.example"}},
        {"HOSTS": {"static": "http://x.example"}},
        {"CACHE": "nope"},
        {"EXTERNAL_ID": "no.such.function"},
        {"EXTERNAL_ID": ".relative.path"},
        {"EXTERNAL_ID": "tests.settings.DATABASES"},
        {"EMAIL_IS_VERIFIED": "nothing"},
        {"GENDER": "nothing"},
        {"FOLLOWED_FIELDS": "first_name"},
        {"FOLLOWED_FIELDS": ["email"]},
    ],
    ids=str,
)
def test_value_that_cannot_work_is_one_error_that_names_it(settings, entry):
    settings.PLENIGO = {"default": {**LIVE, **entry}}
    (message,) = run_checks(tags=["plenigo"])
    assert message.id == "plenigo.E003"
    assert f"PLENIGO['default']['{next(iter(entry))}']" in message.msg
    assert "documentation" not in message.hint


@pytest.mark.parametrize(
    "entry",
    [
        {"ACCESS_TTL_SECONDS": 0, "ACCESS_STALE_SECONDS": 0, "CLICKS_PER_MINUTE": 0},
        {"HOSTS": {"api": "http://127.0.0.1:8090/", "static": "http://[::1]:8090"}},
        {"HOSTS": {"static": "/script"}},
        {"HOSTS": {"api": "https://plenigö.example:8443/v2"}},
        {"EXTERNAL_ID": "builtins.str"},
    ],
    ids=str,
)
def test_value_at_the_edge_of_what_works_passes(settings, entry):
    settings.PLENIGO = {"default": {**LIVE, **entry}}
    assert ids() == set()


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ({"MODE": "production"}, '"stage" or "live"'),
        ({"TIMEOUT_SECONDS": 0}, 'as if you wrote "TIMEOUT_SECONDS": 5.0'),
        ({"ON_OUTAGE": "never"}, 'as if you wrote "ON_OUTAGE": "last_known"'),
        ({"TEST_MODE": "False"}, 'as if you wrote "TEST_MODE": False'),
        ({"EXTERNAL_ID": "nothing"}, '"mysite.customers.external_id"'),
        ({"TRUSTED_PROXIES": ["office"]}, '["10.0.0.0/8"]'),
    ],
    ids=str,
)
def test_value_that_cannot_work_comes_with_what_to_write(settings, entry, hint):
    settings.PLENIGO = {"default": {**LIVE, **entry}}
    (message,) = run_checks(tags=["plenigo"])
    assert hint in message.hint


GENDER = {"GENDER": "builtins.str"}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"FOLLOWED_FIELDS": ["language"]}, "no call that changes it"),
        ({"FOLLOWED_FIELDS": ["first_name", "last_name"]}, "only together with a gender"),
        ({"FOLLOWED_FIELDS": ["last_name"], **GENDER}, "both names in one call"),
    ],
    ids=str,
)
def test_field_that_the_api_cannot_change_is_an_error(settings, entry, words):
    settings.PLENIGO = {"default": {**LIVE, **entry}}
    (message,) = run_checks(tags=["plenigo"])
    assert (message.id, words in message.msg) == ("plenigo.E008", True)
    assert message.hint


def test_names_that_are_followed_with_a_gender_pass(settings):
    settings.PLENIGO = {"default": {**LIVE, "FOLLOWED_FIELDS": ["first_name", "last_name"], **GENDER}}
    assert ids() == set()


V3 = {**LIVE, "API": "v3"}
OFFER = "O_a1B2c3D4e5F6g7H8i9"


def test_account_on_v3_passes(settings):
    products = {"DAYPASS": {"offer_id": OFFER, "access_right_id": "day-pass"}, OFFER: {"access_right_id": "day-pass"}}
    settings.PLENIGO = {"default": {**V3, "PRODUCTS": products, "FOLLOWED_FIELDS": ["language"]}}
    assert ids() == set()


@pytest.mark.parametrize(
    ("entry", "check_id", "words"),
    [
        ({"TEST_MODE": True}, "plenigo.E009", "no test purchases"),
        ({"GENDER": "builtins.str"}, "plenigo.W007", "GENDER, which API v3 does not use"),
        (
            {"PRODUCTS": {"P_MONTHLY": {"offer_id": OFFER}}},
            "plenigo.E012",
            "['PRODUCTS']['P_MONTHLY'] has no access_right_id",
        ),
        (
            {"PRODUCTS": {"day-pass": {"access_right_id": "day-pass"}}},
            "plenigo.W008",
            "['PRODUCTS']['day-pass'] has no offer_id",
        ),
    ],
    ids=str,
)
def test_setting_that_v3_cannot_follow_is_told_and_passes_on_v2(settings, entry, check_id, words):
    settings.PLENIGO = {"default": {**V3, **entry}}
    (message,) = run_checks(tags=["plenigo"])
    assert (message.id, words in message.msg) == (check_id, True)
    assert message.hint
    settings.PLENIGO = {"default": {**LIVE, **entry}}
    assert ids() == set()


def test_proxy_that_is_not_named_is_an_error_for_the_checkouts_of_v3(settings):
    settings.USE_X_FORWARDED_HOST = True
    settings.PLENIGO = {"default": LIVE, "weekly": V3}
    assert ids() == {"plenigo.E011"}
    for entry in ({**V3, "TRUSTED_PROXIES": ["10.0.0.0/8"]}, {"API": "v3", "MODE": "sandbox"}):
        settings.PLENIGO = {"default": LIVE, "weekly": entry}
        assert ids() == set()


def test_missing_default_account_shows_the_lines_to_paste(settings):
    settings.PLENIGO = {}
    (message,) = run_checks(tags=["plenigo"])
    assert message.id == "plenigo.E001"
    assert '"MODE": "sandbox"' in message.hint


def test_unknown_key_names_the_right_one(settings):
    settings.PLENIGO = {"default": {**LIVE, "TIMEOUT_SECOND": 5}}
    (message,) = run_checks(tags=["plenigo"])
    assert message.hint == 'Did you mean "TIMEOUT_SECONDS"?'


def test_account_that_is_no_dictionary_is_an_error(settings):
    settings.PLENIGO = {"default": LIVE, "brand": "live"}
    assert ids() == {"plenigo.E001"}


def test_sandbox_mode_without_the_sandbox_app_is_an_error(settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_plenigo.sandbox"]
    assert ids() == {"plenigo.E005"}


def test_live_mode_with_the_sandboxs_company_is_an_error(settings):
    from django_plenigo.sandbox.credentials import COMPANY_ID

    settings.PLENIGO = {"default": {**LIVE, "COMPANY_ID": COMPANY_ID}}
    assert ids() == {"plenigo.E006"}


def test_missing_middleware_is_an_error(settings):
    settings.MIDDLEWARE = []
    assert ids() == {"plenigo.E007"}


def test_deploying_on_the_sandbox_with_a_cache_per_process_is_warned_of():
    assert {"plenigo.W001", "plenigo.W002"} <= ids(include_deployment_checks=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https")), ("USE_X_FORWARDED_HOST", True)],
)
def test_proxy_that_is_not_named_is_warned_of(settings, name, value):
    assert "plenigo.W003" not in ids(include_deployment_checks=True)
    setattr(settings, name, value)
    assert "plenigo.W003" in ids(include_deployment_checks=True)
    settings.PLENIGO = {"default": {"MODE": "sandbox", "TRUSTED_PROXIES": ["10.0.0.0/8"]}}
    assert "plenigo.W003" not in ids(include_deployment_checks=True)


def test_content_security_policy_is_told_what_it_means_for_the_snippet(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "csp.middleware.CSPMiddleware"]
    assert "plenigo.I001" in ids(include_deployment_checks=True)


# ---- delivery --------------------------------------------------------------------------------------------------


def delivery_messages(settings, path, **others):
    settings.PLENIGO = {"default": {**LIVE, "DELIVERY": path}}
    for name, value in others.items():
        setattr(settings, name, value)
    of_delivery = {"plenigo.I002", "plenigo.W004", "plenigo.W005"}
    messages = run_checks(tags=["plenigo"], include_deployment_checks=True)
    return [message for message in messages if message.id in of_delivery]


@pytest.mark.parametrize(
    "path",
    ["django_plenigo.delivery.in_thread", "django_plenigo.background.enqueue", ""],
    ids=["thread", "tasks", "none"],
)
def test_way_of_delivery_that_looks_for_nothing_by_itself_is_reminded_of_cron(settings, path):
    tasks = {"default": {"BACKEND": "mysite.tasks.Backend"}}
    (message,) = delivery_messages(settings, path, TASKS=tasks)
    assert message.id == "plenigo.I002"
    assert "cron" in message.hint
    assert "plenigo_sync" in message.hint


def test_delivery_by_celery_is_reminded_of_beat(settings):
    (message,) = delivery_messages(settings, "django_plenigo.tasks.enqueue")
    assert (message.id, "django_plenigo.tasks.deliver" in message.hint) == ("plenigo.I002", True)


@pytest.mark.parametrize(
    ("path", "backend"),
    [
        ("django_plenigo.delivery.now", None),
        ("django_plenigo.background.enqueue", None),
        ("django_plenigo.background.enqueue", "django.tasks.backends.immediate.ImmediateBackend"),
        ("django_plenigo.background.enqueue", "django_tasks.backends.immediate.ImmediateBackend"),
    ],
)
def test_delivery_that_a_save_waits_for_is_warned_of(settings, path, backend):
    tasks = {"default": {"BACKEND": backend}} if backend else {}
    assert "plenigo.W004" in {message.id for message in delivery_messages(settings, path, TASKS=tasks)}


def test_delivery_by_tasks_that_never_run_is_warned_of(settings):
    tasks = {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}
    messages = delivery_messages(settings, "django_plenigo.background.enqueue", TASKS=tasks)
    assert {message.id for message in messages} == {"plenigo.I002", "plenigo.W005"}


def test_own_way_of_delivery_is_left_to_the_site(settings):
    assert delivery_messages(settings, "builtins.print") == []


@pytest.mark.parametrize(
    ("path", "modules", "named"),
    [
        ("django_plenigo.tasks.enqueue", ["celery"], "needs Celery, which is not installed"),
        (
            "django_plenigo.background.enqueue",
            ["django.tasks", "django_tasks"],
            "needs Django 6.0 or the package django-tasks, which is not installed",
        ),
    ],
)
def test_way_of_delivery_that_is_not_installed_is_an_error_that_says_how_to_install_it(
    settings, monkeypatch, path, modules, named
):
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    settings.PLENIGO = {"default": {**LIVE, "DELIVERY": path}}
    (message,) = run_checks(tags=["plenigo"])
    assert message.id == "plenigo.E003"
    assert named in message.msg
    assert "pip install 'django-plenigo[" in message.msg


V3 = {"API": "v3", **LIVE}


def test_sessions_in_a_cookie_are_an_error_with_api_v3_alone(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.PLENIGO = {"default": V3}
    assert "plenigo.E010" in ids()
    settings.PLENIGO = {"default": LIVE}
    assert "plenigo.E010" not in ids()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SSO_TTL_SECONDS", 5),
        ("CONNECTION_FAILURES_PER_HOUR", 5),
        ("CONNECTION_ANSWER_SECONDS", 5),
        ("LEGACY_SDK", True),
        ("MIRROR_ACCESS_IDS", True),
        ("EXTERNAL_ID_IS_CUSTOMER_ID", True),
    ],
)
def test_key_of_api_v3_is_warned_of_with_api_v2(settings, key, value):
    settings.PLENIGO = {"default": {**LIVE, key: value}}
    assert "plenigo.W010" in ids()
    settings.PLENIGO = {"default": {**V3, key: value}}
    assert "plenigo.W010" not in ids()
