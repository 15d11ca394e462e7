"""No secret, token, address or URL leaves by a log record, a repr, an error, a traceback or an error page."""

import asyncio
import logging
import time
import traceback
from datetime import UTC, datetime

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from django_plenigo import backends
from django_plenigo.errors import ConfigurationError, InvalidValueError, PlenigoError, RemoteUnavailableError
from django_plenigo.protocols.base import (
    CheckoutCall,
    CheckoutOptions,
    CheckoutOrder,
    CustomerRef,
    LoginPass,
)
from django_plenigo.protocols.plenigo_v2 import PlenigoV2, connect
from django_plenigo.transport import Answer
from tests.transport.fakes import RawServer, ScriptedAdapter, http, scripted

#: What no output may hold. Put together at run time, since tracebacks quote the lines of this file.
MARK = "dribyranac"[::-1]

EMAIL = f"{MARK}1@{MARK}.example"
CUSTOMER = CustomerRef(f"{MARK}2")
EXTERNAL_ID = f"{MARK}3"
ACCESS_ID = f"{MARK}4"
PRODUCT_ID = f"{MARK}5"
COOKIE = f"{MARK}6|{MARK}7"
SECRET = f"{MARK}8" * 4
BODY = f'{{"error":"{MARK}9","{MARK}10":{{"Rejected Value":"{MARK}11"}}}}'.encode()
LOGIN = LoginPass(f"{MARK}12", is_url=False, lifetime_seconds=300)


CALLS = {
    "register_user": lambda client: client.register_user(
        EMAIL, external_id=EXTERNAL_ID, first_name=MARK, last_name=MARK, fail_by_existing_email=False
    ),
    "change_email": lambda client: client.change_email(CUSTOMER, EMAIL),
    "change_profile": lambda client: client.change_profile(CUSTOMER, first_name=MARK, last_name=MARK, gender=MARK[:20]),
    "add_external_id": lambda client: client.add_external_id(CUSTOMER.value, EXTERNAL_ID),
    "create_login_token": lambda client: client.create_login_token(CUSTOMER),
    "create_login_tokens": lambda client: client.create_login_tokens(CUSTOMER, 2),
    "mint_login": lambda client: client.mint_login(CUSTOMER),
    "import_access_ids": lambda client: client.import_access_ids(CUSTOMER, [ACCESS_ID]),
    "has_bought": lambda client: client.has_bought(CUSTOMER, [PRODUCT_ID]),
    "check_customer": lambda client: client.check_customer(CUSTOMER),
    "is_paywall_enabled": lambda client: client.is_paywall_enabled(),
    "confirm_user_cookie": lambda client: client.confirm_user_cookie(COOKIE),
}

#: Calls that answer with a body; the others take any 2xx for a success.
READING = sorted(set(CALLS) - {"change_email", "change_profile", "add_external_id", "import_access_ids"})


def answer_with(raw):
    def answer(connection, request):
        connection.sendall(raw)
        return True

    return answer


def hang(connection, request):
    time.sleep(5)
    return False


def cut(connection, request):
    connection.sendall(http(body=BODY)[:-5])
    return False


FAILURES = {
    "cut": cut,
    "500": answer_with(http(500, BODY)),
    "503 with Retry-After": answer_with(http(503, BODY, "Retry-After: 60\r\n")),
    "400": answer_with(http(400, BODY)),
    "401": answer_with(http(401, BODY)),
    "404": answer_with(http(404, BODY)),
    "409": answer_with(http(409, BODY)),
    "429": answer_with(http(429, BODY)),
    "firewall": answer_with(http(403, f"<html>{MARK}</html>".encode())),
    "redirect": answer_with(http(302, BODY, f"Location: https://{MARK}.example/{MARK}\r\n")),
    "too large": answer_with(http(200, MARK.encode() * 120_000)),
    "not http": answer_with(f"{MARK}\r\n\r\n".encode()),
}

BAD_INPUT = {
    "email": lambda client: client.change_email(CUSTOMER, f"{MARK} {MARK}"),
    "names": lambda client: client.change_profile(CUSTOMER, first_name=f"{MARK}\n", last_name=MARK, gender="MALE"),
    "gender": lambda client: client.change_profile(CUSTOMER, first_name=MARK, last_name=MARK, gender=MARK * 9),
    "customer": lambda client: client.create_login_token(CustomerRef(f" {MARK}")),
    "no customer": lambda client: client.create_login_token(MARK),
    "external id": lambda client: client.add_external_id(MARK, MARK * 20),
    "access ids": lambda client: client.import_access_ids(CUSTOMER, MARK),
    "twice": lambda client: client.import_access_ids(CUSTOMER, [MARK, MARK]),
    "products": lambda client: client.has_bought(CUSTOMER, [f"{MARK},{MARK}"]),
    "name": lambda client: client.register_user(EMAIL, first_name=f"{MARK}\n"),
    "login": lambda client: client.sign_checkout(CheckoutOrder("a", csrf_token=f"{MARK}\n"), CheckoutOptions(), LOGIN),
    "url": lambda client: client.sign_checkout(CheckoutOrder("a"), CheckoutOptions(target_url=MARK), LOGIN),
}


NO_FAILURE = ("400", "confirm_user_cookie")

#: Settings that no client can be built from.
WRONG_SETTINGS = {
    "secret": {"SECRET": f"{SECRET}\n"},
    "second secret": {"SECRET": [SECRET, 5]},
    "company": {"COMPANY_ID": " "},
    "host": {"HOSTS": {"api": "http://vendor.example"}},
    "port": {"HOSTS": {"api": "https://vendor.example:99999"}},
    "timeout": {"TIMEOUT_SECONDS": 0},
    "cache": {"CACHE": "nope"},
    "test mode": {"TEST_MODE": "False"},
}

CONNECTION = {
    "base_url": f"https://vendor.example/{MARK}",
    "company_id": f"{MARK}13",
    "secrets": [SECRET],
    "test_mode": False,
    "timeout_seconds": 5.0,
    "cache_alias": "default",
}

#: What a client is not built from without the settings of a site.
WRONG_CONNECTIONS = {
    "secret": {"secrets": [f"{SECRET}\n"]},
    "secrets": {"secrets": SECRET},
    "company": {"company_id": " "},
    "host": {"base_url": f"http://vendor.example/{MARK}"},
    "port": {"base_url": f"https://vendor.example:99999/{MARK}"},
    "timeout": {"timeout_seconds": 0},
    "timeout of another kind": {"timeout_seconds": None},
}


def client_of(base_url, timeout_seconds=10.0):
    return connect(**{**CONNECTION, "base_url": f"{base_url}/{MARK}", "timeout_seconds": timeout_seconds})


def error_of(call, client):
    """Return what a call raises. The frames of its traceback begin here, and this one holds nothing secret."""
    try:
        call(client)
    except Exception as error:  # noqa: BLE001 - whatever leaves a verb is looked through
        return error
    raise AssertionError("the call did not fail")


def outputs_of(error, client):
    """Return all that a log, an error tracker and an error page make of an error."""
    yield repr(client)
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    yield "".join(traceback.format_exception(error))
    seen = error
    while seen is not None:  # trackers follow the chain whether or not it is suppressed
        yield "".join(traceback.TracebackException.from_exception(seen, capture_locals=True).format())
        seen = seen.__cause__ or seen.__context__
    reporter = ExceptionReporter(RequestFactory().get("/"), type(error), error, error.__traceback__)
    yield reporter.get_traceback_text()
    yield reporter.get_traceback_html()


def logged(caplog):
    return "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connectionpool", "requests", "django_plenigo"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


@pytest.fixture
def serve():
    servers = []

    def start(behaviour):
        servers.append(RawServer(behaviour))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def assert_clean(client, error, log):
    for output in outputs_of(error, client):
        assert MARK not in output
    assert MARK not in logged(log)


@pytest.mark.parametrize(
    ("failure", "operation"),
    # To the question about a cookie a 400 is an answer.
    [(failure, operation) for failure in FAILURES for operation in CALLS if (failure, operation) != NO_FAILURE],
)
def test_failed_call_tells_no_secret(serve, log, operation, failure):
    server = serve(FAILURES[failure])
    client = client_of(server.url)
    assert_clean(client, error_of(CALLS[operation], client), log)
    assert MARK.encode() in server.requests[0]
    assert log.records


@pytest.mark.parametrize("operation", CALLS)
def test_timeout_tells_no_secret(serve, log, operation):
    client = client_of(serve(hang).url, timeout_seconds=0.25)
    assert_clean(client, error_of(CALLS[operation], client), log)


@pytest.mark.parametrize("operation", CALLS)
def test_refused_connection_tells_no_secret(serve, log, operation):
    server = serve(hang)
    server.shutdown()
    server.server_close()
    client = client_of(server.url)
    assert_clean(client, error_of(CALLS[operation], client), log)


@pytest.mark.parametrize("operation", CALLS)
def test_name_that_does_not_resolve_tells_no_secret(log, operation):
    client = client_of(f"https://{MARK}.invalid")
    assert_clean(client, error_of(CALLS[operation], client), log)


@pytest.mark.parametrize("operation", READING)
@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b"null", b"\xff"])
def test_garbage_tells_no_secret(serve, log, operation, body):
    server = serve(answer_with(http(200, body, f"X-Trace: {MARK}\r\n") if body != b"{" else http(200, BODY[:-1])))
    client = client_of(server.url)
    assert_clean(client, error_of(CALLS[operation], client), log)


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_tells_no_secret(log, case):
    client = client_of("https://vendor.example")
    assert_clean(client, error_of(BAD_INPUT[case], client), log)


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_client_that_cannot_be_built_tells_no_secret(settings, log, case):
    settings.PLENIGO = {
        "default": {"MODE": "live", "COMPANY_ID": "C" * 20, "SECRET": SECRET, **WRONG_SETTINGS[case]},
    }
    error = error_of(lambda _: backends.customer_directory(), None)
    assert isinstance(error, ConfigurationError)
    assert_clean(None, error, log)


def test_cookie_that_cannot_be_written_tells_no_secret(settings, log):
    settings.PLENIGO = {"default": {"MODE": "live", "COMPANY_ID": "C" * 20, "SECRET": SECRET}}
    error = error_of(lambda _: backends.write_user_cookie(f"{MARK}&", issued_at=datetime.now(UTC)), None)
    assert isinstance(error, InvalidValueError)
    assert_clean(None, error, log)


@pytest.mark.parametrize("case", WRONG_CONNECTIONS)
def test_connection_that_cannot_be_made_tells_no_secret(log, case):
    assert_clean(None, error_of(lambda _: connect(**{**CONNECTION, **WRONG_CONNECTIONS[case]}), None), log)


@pytest.mark.parametrize("operation", CALLS)
def test_cache_that_is_down_tells_no_secret_and_stops_no_call(cache_that_is_down, serve, log, operation):
    client = client_of(serve(FAILURES["500"]).url)
    error = error_of(CALLS[operation], client)
    assert isinstance(error, RemoteUnavailableError)
    assert_clean(client, error, log)


@pytest.mark.parametrize("operation", CALLS)
def test_verb_in_an_event_loop_tells_no_secret(settings, sandbox, log, operation):
    """The sandbox of this process uses the database, which refuses to be used there."""
    client = backends.get_client()

    def in_an_event_loop(client):
        async def run():
            CALLS[operation](client)

        asyncio.run(run())

    error = error_of(in_an_event_loop, client)
    assert isinstance(error, SynchronousOnlyOperation)
    assert_clean(client, error, log)


@pytest.mark.parametrize("operation", CALLS)
def test_mistake_inside_a_verb_tells_no_secret(log, operation):
    class Mistaken(ScriptedAdapter):
        def send(self, request, **options):
            try:
                raise KeyError("inner")
            except KeyError:
                raise RuntimeError("outer") from None

    client = PlenigoV2(
        transport=scripted(adapter=Mistaken(), base_url=f"https://vendor.example/{MARK}"),
        company_id=f"{MARK}13",
        secrets=[SECRET],
    )
    error = error_of(CALLS[operation], client)
    assert (type(error), str(error)) == (RuntimeError, "outer")
    assert_clean(client, error, log)


@pytest.mark.parametrize("operation", sorted(set(CALLS) - {"create_login_tokens"}))
def test_successful_call_logs_no_secret(serve, log, operation):
    body = (
        f'{{"customerId":"{MARK}","userId":"{MARK}","loginToken":"{MARK}","enabled":true,"accessGranted":true,'
        f'"userProducts":[{{"productId":"{PRODUCT_ID}"}}],"elements":[{{"customerId":"{MARK}"}}]}}'
    )
    client = client_of(serve(answer_with(http(200, body.encode()))).url)
    CALLS[operation](client)
    assert log.records
    assert MARK not in logged(log)


@pytest.mark.parametrize(
    "value",
    [
        CUSTOMER,
        LOGIN,
        Answer(200, {"Location": MARK}, MARK.encode()),
        CheckoutCall("plenigo.checkout", MARK),
        CheckoutOrder("a", csrf_token=MARK, oauth2_redirect_url=MARK),
        CheckoutOptions(source_url=MARK, target_url=MARK),
        client_of("https://vendor.example"),
        client_of("https://vendor.example")._transport,
    ],
    ids=lambda value: type(value).__name__,
)
def test_repr_of_a_value_tells_no_secret(value):
    assert MARK not in repr(value)
    assert MARK not in str(value)


def test_search_finds_what_a_careless_client_would_tell(serve, log):
    """The test of these tests: the same search over an error that holds the address."""

    def careless(client):
        address = EMAIL
        raise PlenigoError(f"no customer {address}")

    error = error_of(careless, client_of("https://vendor.example"))
    assert sum(MARK in output for output in outputs_of(error, None)) >= 6
