"""Portals whose vendors answer by a script."""

import json
import threading
from collections.abc import Mapping
from typing import Any

from requests import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict

from django_plenigo.protocols.base import Portal, PortalSettings, WebhookCall
from django_plenigo.protocols.twocheckout import TwoCheckout
from tests.transport.fakes import Reply, ScriptedAdapter

FORM = "application/x-www-form-urlencoded"

#: What 2Checkout's portal is set to, and what its vendor answers to a log-in, to another one, and for a link.
TWOCHECKOUT = {"MERCHANT": "SANDBOX001", "SECRET_KEY": "sandbox-2co-secret", "CUSTOM_DOMAIN": "store.shop.example"}
SESSION, LATER_SESSION = "s" * 32, "t" * 32
LINK = "https://store.shop.example/myaccount/?logintoken=" + "a" * 40


class ScriptedRpc(ScriptedAdapter):
    """Answers JSON-RPC: of the script a dictionary is a whole answer without its number, a `Reply` is one as it is.

    Anything else is a result.
    """

    def __init__(self, *script: Any) -> None:
        super().__init__(*script)
        self._one_by_one = threading.Lock()

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.requests]

    @property
    def methods(self) -> list[str]:
        return [call["method"] for call in self.calls]

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        with self._one_by_one:
            outcome = self.script[0]
            if not isinstance(outcome, Reply | Exception):
                members = outcome if isinstance(outcome, dict) else {"result": outcome}
                told = {"jsonrpc": "2.0", "id": json.loads(request.body)["id"], **members}
                self.script[0] = Reply(body=json.dumps(told).encode())
            return super().send(request, **options)


def portal_of(
    backend: type[Portal],
    adapter: ScriptedAdapter,
    *,
    mode: str = "live",
    link_hosts: tuple[str, ...] = (),
    clock: Any = None,
    **options: Any,
) -> Any:
    """Return a portal as `backends` builds it, whose vendor answers by a script."""
    defaults = {name: option.default for name, option in backend.options.items()}
    settings = PortalSettings(
        alias="shop", mode=mode, options={**defaults, **options}, link_hosts=link_hosts, adapter=adapter
    )
    return backend(settings) if clock is None else backend(settings, clock=clock)


def twocheckout_of(*script: Any, **options: Any) -> Any:
    """Return a client of 2Checkout whose vendor answers by this script; options as of `portal_of`."""
    return portal_of(TwoCheckout, ScriptedRpc(*script), **{**TWOCHECKOUT, **options})


def vendor_of(portal: Any) -> Any:
    """Return who answers a portal by a script."""
    return portal.settings.adapter


def delivery(body: bytes, headers: Mapping[str, str] | None = None, *, token: str = "") -> WebhookCall:
    """Return a webhook as a view hands it over."""
    return WebhookCall(CaseInsensitiveDict(headers or {}), body, token)
