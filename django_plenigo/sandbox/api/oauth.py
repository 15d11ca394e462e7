"""Exchange OAuth codes and tokens. Source: docs/protocols/plenigo-v2.md 2.6."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, QueryDict

from .. import oauth
from .answers import RefusalError, found
from .endpoints import Call, endpoint
from .parameters import Values, read_body


@endpoint("oauthVerify", "POST")
def verify(call: Call) -> HttpResponse:
    """Exchange a code for tokens."""
    form = _form(call, "authorization_code")
    code, redirect_uri = _required(form, "code"), _required(form, "redirect_uri")
    tokens = oauth.exchange_code(call.company, code, redirect_uri)
    if tokens is None:
        raise _refusal("invalid_grant", "The code is unknown, used or too old, or was made for another address.")
    return _answer(form, tokens)


@endpoint("oauthRenew", "POST")
def renew(call: Call) -> HttpResponse:
    """Exchange a refresh token for a new access token; the refresh token stays."""
    form = _form(call, "refresh_token")
    tokens = oauth.renew(call.company, _required(form, "refresh_token"))
    if tokens is None:
        raise _refusal("invalid_grant", "The refresh token is unknown, or a newer one has been issued.")
    return _answer(form, tokens)


def _form(call: Call, grant_type: str) -> Values:
    """Return the fields, which come as a form body from one of the vendor's clients, in the query from another.

    A form is not URL-encoded and ends with `&`; what a redirect address is split into is not looked at.
    """
    body = read_body(call.request)
    fields: Mapping[str, Any] = QueryDict(body, encoding="utf-8").dict() if body.strip() else call.query.raw
    form = Values(fields)
    if form.text("client_id") != call.company.company_id:
        raise _refusal("invalid_client", "The client_id is not the id of the company that signed the request.")
    if form.text("grant_type") != grant_type:
        raise _refusal("unsupported_grant_type", f"The grant_type must be {grant_type}.")
    return form


def _required(form: Values, name: str) -> str:
    value = form.text(name, limit=2000)
    if not value:
        raise _refusal("invalid_request", f"The field {name} is missing.")
    return value


def _answer(form: Values, tokens: oauth.Tokens) -> HttpResponse:
    body: dict[str, Any] = {
        "access_token": tokens.access_token,
        "token_type": "bearer",
        "expires_in": oauth.ACCESS_LIFETIME_SECONDS,
    }
    if tokens.refresh_token:
        body["refresh_token"] = tokens.refresh_token
    state = form.text("state", limit=2000)
    if state:
        body["state"] = state
    return found(body)


def _refusal(code: str, description: str) -> RefusalError:
    return RefusalError(400, {"error": code, "error_description": description})
