"""Exchange OAuth codes and tokens. Source: docs/protocols/plenigo-v2.md 2.6."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import TooManyFieldsSent
from django.http import HttpResponse

from .. import oauth
from .answers import RefusalError, found
from .endpoints import Call, endpoint
from .parameters import read_body

FIELD_CHARACTERS = 2000

#: PHP writes these behind `redirect_uri`, which may bring fields of the same names along: the last one counts.
FIELDS_BEHIND_THE_ADDRESS = frozenset({"client_id", "state"})


@endpoint("oauthVerify", "POST")
def verify(call: Call) -> HttpResponse:
    """Exchange a code for tokens."""
    fields = _fields(call, "authorization_code")
    code, redirect_uri = _required(fields, "code"), _required(fields, "redirect_uri")
    tokens = oauth.exchange_code(call.company, code, redirect_uri)
    if tokens is None:
        raise _refusal("invalid_grant", "The code is unknown, used or too old, or was made for another address.")
    return _answer(fields, tokens)


@endpoint("oauthRenew", "POST")
def renew(call: Call) -> HttpResponse:
    """Exchange a refresh token for a new access token; the refresh token stays."""
    fields = _fields(call, "refresh_token")
    tokens = oauth.renew(call.company, _required(fields, "refresh_token"))
    if tokens is None:
        raise _refusal("invalid_grant", "The refresh token is unknown, or a newer one has been issued.")
    return _answer(fields, tokens)


def read_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form body as PHP writes it: not URL-encoded, with `&` after each field.

    Nothing is decoded, so every value is what was sent. A redirect address with `&` in it falls apart into further
    fields: of a field that stands before the address in PHP's order the first one counts, of one behind it the last.
    """
    fields: dict[str, str] = {}
    for pair in body.decode(errors="replace").split("&"):
        name, _equals, value = pair.partition("=")
        if name in FIELDS_BEHIND_THE_ADDRESS or name not in fields:
            fields[name] = value
    return fields


def _fields(call: Call, grant_type: str) -> Mapping[str, str]:
    """Return the fields, which PHP sends as a form body and Java, encoded, in the query."""
    body = read_body(call.request)
    try:
        fields = read_form(body) if body.strip() else call.request.GET.dict()
    except TooManyFieldsSent:
        raise _refusal("invalid_request", "The query has too many fields.") from None
    for name, value in fields.items():
        if len(value) > FIELD_CHARACTERS:
            raise _refusal("invalid_request", f"The field {name[:40]} is longer than {FIELD_CHARACTERS} characters.")
    if fields.get("client_id") != call.company.company_id:
        raise _refusal("invalid_client", "The client_id is not the id of the company that signed the request.")
    if fields.get("grant_type") != grant_type:
        raise _refusal("unsupported_grant_type", f"The grant_type must be {grant_type}.")
    return fields


def _required(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise _refusal("invalid_request", f"The field {name} is missing.")
    return value


def _answer(fields: Mapping[str, str], tokens: oauth.Tokens) -> HttpResponse:
    body: dict[str, Any] = {
        "access_token": tokens.access_token,
        "token_type": "bearer",
        "expires_in": oauth.ACCESS_LIFETIME_SECONDS,
    }
    if tokens.refresh_token:
        body["refresh_token"] = tokens.refresh_token
    if fields.get("state"):
        body["state"] = fields["state"]
    return found(body)


def _refusal(code: str, description: str) -> RefusalError:
    return RefusalError(400, {"error": code, "error_description": description})
