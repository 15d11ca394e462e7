"""A client of OkePay's API that signs by hand, so that no code of the package's own client takes part."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, quote_plus

import requests

from django_plenigo.sandbox.adapter import SandboxAdapter

HOST = "https://vendor.invalid"
INSTANCE = "demo-instance"
SECRET = "sandbox-secret-42"
FORM = "application/x-www-form-urlencoded"

Pairs = Sequence[tuple[str, str]]


def sign(signed: str, secret: str = SECRET) -> str:
    """`ApiSignature` of a text."""
    return base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()).decode()


def as_signed(pairs: Pairs) -> str:
    """RFC 1738, as PHP's `http_build_query` writes it by itself."""
    return "&".join("=".join(quote_plus(text).replace("~", "%7E") for text in pair) for pair in pairs)


def as_sent(pairs: Pairs) -> str:
    """RFC 3986, as the vendor's PHP client asks PHP for."""
    return "&".join("=".join(quote(text, safe="") for text in pair) for pair in pairs)


class OkePayClient:
    """Calls the sandbox in process."""

    def __init__(self, instance: str = INSTANCE, secret: str = SECRET) -> None:
        self.instance, self.secret = instance, secret
        self.session = requests.Session()
        self.session.mount(HOST, SandboxAdapter())

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a call as it is; the path goes below the host."""
        return self.session.request(method, f"{HOST}/{path}", **options)

    def __call__(self, method: str, path: str, *pairs: tuple[str, str], **options: Any) -> requests.Response:
        """Send a signed form; the path goes below `v1.0/`."""
        sent = [*pairs, ("ApiSignature", sign(as_signed(pairs), self.secret))]
        headers = {"Content-Type": FORM, **options.pop("headers", {})}
        address = f"v1.0/{path}?instance={self.instance}"
        if method == "GET":
            return self.send(method, f"{address}&{as_sent(sent)}", **options)
        return self.send(method, address, data=as_sent(sent), headers=headers, **options)

    def as_okepay_php(self, method: str, model: str, *pairs: tuple[str, str], number: int = 0) -> requests.Response:
        """Send what OkePay's PHP client sends: `v1`, the id or 0, `model` last, `instance` in body and address."""
        parameters = [*([("id", str(number))] if number else []), *pairs, ("model", model)]
        sent = [*parameters, ("ApiSignature", sign(as_signed(parameters), self.secret)), ("instance", self.instance)]
        address, headers = f"v1/{model}/{number}/", {"User-Agent": "okepay-php/1.0.0"}
        if method == "GET":
            return self.send(method, f"{address}?{as_sent(sent)}", headers=headers)
        headers["Content-Type"] = FORM
        return self.send(method, f"{address}?instance={self.instance}", data=as_sent(sent), headers=headers)

    def as_payrexx_php(self, method: str, model: str, *pairs: tuple[str, str], number: int = 0) -> requests.Response:
        """Send what Payrexx's PHP client sends: the key in a header; parameters of GET and DELETE in the address."""
        parameters = [*pairs, ("model", model)]
        address, headers = f"v1.14/{model}/{number}/", {"x-api-key": self.secret}
        if method in {"GET", "DELETE"}:
            query = as_sent([*parameters, ("instance", self.instance)])
            return self.send(method, f"{address}?{query}", headers=headers)
        headers["Content-Type"] = FORM
        return self.send(method, f"{address}?instance={self.instance}", data=as_sent(parameters), headers=headers)
