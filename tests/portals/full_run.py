"""A site and its vendors over real sockets; what passes between them, and what the site keeps, is written down."""

import base64
import io
import json
import logging
import os
import pickle
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urljoin, urlsplit

import requests
from django.apps import apps
from django.core import serializers
from django.core.cache import caches
from django.core.servers.basehttp import WSGIRequestHandler
from django.db import connections
from django.test.testcases import LiveServerThread, _StaticFilesHandler

from django_plenigo.sandbox.posting import Reply

#: What is long and random enough to be a token, a session, a signature or a key.
SECRET_WORD = re.compile(r"[\w+/=.-]{32,}")

#: Of the answers of the vendors, what holds a link, and of the forms what is signed.
LINK = re.compile(r"https?://[^\s\"'<>\\]+")

#: What is as long, and said openly.
PUBLIC = {"application/x-www-form-urlencoded"}

#: The vendor's own tables are no part of the site.
VENDOR = "plenigo_sandbox"


def spellings(secret: str) -> set[str]:
    """Return how a secret may be written: as it is, percent-encoded, in hexadecimal, and in base64."""
    raw = secret.encode()
    coded = (base64.b64encode(raw), base64.urlsafe_b64encode(raw))
    return {
        *(secret, quote(secret), quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], raw.hex()),
        *(text.decode().rstrip("=") for text in coded),
    }


class Wire:
    """The vendors' server as seen from the outside: what it is sent, and what it answers."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.passed: list[str] = []
        self.paths: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.paths.append(environ["PATH_INFO"])
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        headers = [value for name, value in environ.items() if name.startswith("HTTP_")]
        content = b"".join(self.application(environ, start_response))
        sent = (environ["QUERY_STRING"], body.decode("utf-8", "replace"))
        for text in (*sent, *headers, content.decode("utf-8")):
            self.passed.append(unquote_plus(text))
        # Each value by itself, too: beside its name it is written otherwise in an address.
        self.passed += [value for text in sent for _name, value in parse_qsl(text)]
        return [content]

    def secrets(self) -> set[str]:
        """Return the links, tokens, sessions and signatures of all calls."""
        answers = [text.replace("\\/", "/") for text in self.passed]
        return {found for text in answers for form in (SECRET_WORD, LINK) for found in form.findall(text)}


class Server(LiveServerThread):
    """Django's server with the log of requests that `runserver` writes."""

    def _create_server(self, connections_override: Any = None) -> Any:
        address = (self.host, self.port)
        return self.server_class(
            address, WSGIRequestHandler, allow_reuse_address=False, connections_override=connections_override
        )


@contextmanager
def served() -> Iterator[str]:
    """Serve the site on the test's database, and give its address."""
    # As Django's own live server: a database in memory is the connection's own, any other has one for each thread.
    in_memory = [each for each in connections.all() if each.vendor == "sqlite" and each.is_in_memory_db()]
    shared = {connection.alias: connection for connection in in_memory}
    for connection in shared.values():
        connection.inc_thread_sharing()
    server = Server("127.0.0.1", _StaticFilesHandler, connections_override=shared)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.terminate()
        for connection in shared.values():
            connection.dec_thread_sharing()


class Records(logging.Handler):
    """Keeps every record with all that it carries."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name)
        formatted = logging.Formatter().format(record)
        self.texts.append(f"{formatted} {vars(record)!r}")


@contextmanager
def every_record() -> Iterator[Records]:
    """Let all loggers tell everything, to one handler."""
    handler, root = Records(), logging.getLogger()
    named = [logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in (root, *named)]
    for logger in (root, *named):
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    root.addHandler(handler)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        for logger, level, propagate, disabled in before:
            logger.setLevel(level)
            logger.propagate, logger.disabled = propagate, disabled


class Browser:
    """A reader's browser, which follows no redirect; remembers where it was sent."""

    def __init__(self, site: str, session_key: str) -> None:
        self.site, self.session = site, requests.Session()
        self.session.cookies.set("sessionid", session_key)

    def open(self, address: str) -> requests.Response:
        return self.session.get(urljoin(self.site, address), allow_redirects=False, timeout=60)

    def submit(self, address: str, fields: dict[str, str]) -> requests.Response:
        return self.session.post(urljoin(self.site, address), data=fields, allow_redirects=False, timeout=60)

    def fetch(self, address: str, **told: Any) -> requests.Response:
        fetched = self.open("/plenigo/api/csrf-token/").json()
        headers = {fetched["header"]: fetched["csrf_token"]}
        return self.session.post(urljoin(self.site, address), json=told, headers=headers, timeout=60)


class Postman:
    """Delivers what a vendor has to tell: each as it is, again, and with a byte more; keeps all signatures.

    By a library that logs nothing: what a vendor writes down of its own calls is not the site's.
    """

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.statuses: list[tuple[int, int, int]] = []

    def post_and_read(self, url: str, body: bytes, headers: Any) -> Reply:
        signed = [value for name, value in headers.items() if name != "Content-Type"]
        for text in (*signed, unquote_plus(body.decode())):
            self.secrets.update(SECRET_WORD.findall(text))
        taken, again, bent = (self.call("POST", url, sent, headers) for sent in (body, body, self.bent(body)))
        self.statuses.append((taken.status, again.status, bent.status))
        return taken

    def post(self, url: str, body: bytes, headers: Any) -> int:
        return self.post_and_read(url, body, headers).status

    @staticmethod
    def call(method: str, url: str, body: bytes = b"", headers: Any = ()) -> Reply:
        """Call an address by any method."""
        parts = urlsplit(url)
        with closing(HTTPConnection(parts.netloc, timeout=60)) as connection:
            connection.request(method, parts._replace(scheme="", netloc="").geturl(), body, dict(headers))
            answer = connection.getresponse()
            return Reply(answer.status, answer.read().decode())

    @staticmethod
    def bent(body: bytes) -> bytes:
        """Return a body that is read as the same, nearly, and that nobody has signed."""
        return body + (b" " if body.startswith(b"{") else b"&MORE=1")


def tables() -> dict[str, str]:
    """Return every row of the site."""
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label != VENDOR]
    return {
        model._meta.label: serializers.serialize("json", model._base_manager.all())
        # A body that waits for its work is kept as bytes, which the serializer writes in base64.
        + repr(list(model._base_manager.values_list()))
        for model in models
    }


def cached() -> str:
    """Return all that the cache holds, of whatever kind it is."""
    cache: Any = caches["default"]
    if hasattr(cache, "_cache") and hasattr(cache._cache, "items"):
        return repr([(key, pickle.loads(value)) for key, value in cache._cache.items()])  # noqa: S301 - our own
    client = cache._cache.get_client()
    return repr(
        [(key, client.dump(key), client.type(key) == b"string" and client.get(key)) for key in client.scan_iter()]
    )


def redis_is_named() -> bool:
    return bool(os.environ.get("REDIS_URL"))
