"""A client of API v3 whose vendor answers by a script; all that it sends is held against the vendor's document."""

import json
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests

from django_plenigo.protocols.plenigo_v3 import PlenigoV3
from django_plenigo.protocols.plenigo_v3.answers import judge
from tests import openapi
from tests.transport.fakes import BASE_URL, Reply, ScriptedAdapter, scripted

TOKEN = "made-up-access-token"

#: What the vendor has on a path of the document that the document does not name: by method and path.
NEIGHBOURS = {("GET", "/customers")}


class ScriptedVendor:
    """A client and what it sent."""

    def __init__(self, *script: Reply | Exception, **options: Any) -> None:
        self.adapter = ScriptedAdapter(*script)
        transport = scripted(service="plenigo", judge=judge, adapter=self.adapter)
        self.client = PlenigoV3(transport=transport, secrets=[TOKEN], **options)

    @property
    def requests(self) -> list[requests.PreparedRequest]:
        return self.adapter.requests

    @property
    def lines(self) -> list[str]:
        """Each request as method and path."""
        return [line_of(request) for request in self.requests]

    @property
    def line(self) -> str:
        (line,) = self.lines
        return line

    @property
    def query(self) -> dict[str, str]:
        """The query of the last request."""
        return dict(parse_qsl(urlsplit(self.requests[-1].url).query, keep_blank_values=True))

    @property
    def body(self) -> Any:
        """The body of the last request."""
        return json.loads(self.requests[-1].body)

    def check_requests(self) -> None:
        """Hold all that was sent against the vendor's document, where there is one."""
        for request in self.requests:
            if not is_neighbour(request) and validator() is not None:
                validate(request)


def line_of(request: requests.PreparedRequest) -> str:
    path = urlsplit(request.url).path.removeprefix("/api/v3.0")
    return f"{request.method} {unquote(path)}"


def is_neighbour(request: requests.PreparedRequest) -> bool:
    method, _, path = line_of(request).partition(" ")
    return (method, path) in NEIGHBOURS


@lru_cache(maxsize=1)
def validator() -> Any:
    """Return what validates requests, None without the document."""
    found = openapi.document()
    if found is None:
        return None
    from openapi_core import OpenAPI  # takes seconds, and has nothing to do without the document

    return OpenAPI.from_dict({**found, "servers": [{"url": f"{BASE_URL}/api/v3.0"}]})


def validate(request: requests.PreparedRequest) -> None:
    """Raise an error of openapi-core where a request is not as the vendor's document says."""
    from openapi_core.contrib.requests import RequestsOpenAPIRequest

    validator().validate_request(RequestsOpenAPIRequest(request))


def ok(status: int = 200, /, **body: Any) -> Reply:
    return Reply(status, json.dumps(body).encode())


def refused(status: int, code: int, *fields: str) -> Reply:
    """Return a refusal by code, with the fields that it names."""
    errors = [{"field": field, "error": "INVALID", "value": "secret@example.com"} for field in fields]
    body = {"errorCode": code, "errorMessage": "It is secret@example.com's fault."}
    return Reply(status, json.dumps(body | ({"validationErrors": errors} if errors else {})).encode())
