"""A client of the vendor's API that signs by hand, so that no code of the package's own client takes part."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import requests

from django_plenigo.sandbox.adapter import SandboxAdapter
from django_plenigo.sandbox.credentials import COMPANY_ID, SECRET

HOST = "https://vendor.invalid"


def segment(data: bytes, *, padded: bool = False) -> str:
    """Base64 for URLs, as one segment of a token."""
    text = base64.urlsafe_b64encode(data).decode()
    return text if padded else text.rstrip("=")


def sign(
    claims: Mapping[str, Any],
    secret: str = SECRET,
    *,
    header: Mapping[str, Any] | None = None,
    padded: bool = False,
    digest: str = "sha256",
) -> str:
    """A JWS in compact form."""
    head = segment(json.dumps(header or {"alg": "HS256"}, separators=(",", ":")).encode(), padded=padded)
    body = segment(json.dumps(claims, separators=(",", ":")).encode(), padded=padded)
    signature = hmac.new(secret.encode(), f"{head}.{body}".encode(), getattr(hashlib, digest)).digest()
    return f"{head}.{body}.{segment(signature, padded=padded)}"


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; a change to None leaves one out."""
    good = {"jti": str(uuid.uuid4()), "aud": "plenigo", "exp": int(time.time()) + 300, "companyId": COMPANY_ID}
    return {name: value for name, value in (good | changes).items() if value is not None}


class VendorClient:
    """Calls the sandbox in process."""

    def __init__(self, company_id: str = COMPANY_ID, secret: str = SECRET) -> None:
        self.company_id, self.secret = company_id, secret
        self.session = requests.Session()
        self.session.mount(HOST, SandboxAdapter())

    def __call__(self, method: str, path: str, *, token: str | None = None, **options: Any) -> requests.Response:
        """Send one call; `path` goes below `/api/v2/`."""
        signed = sign(claims(companyId=self.company_id), self.secret) if token is None else token
        headers = {"plenigoToken": signed, **options.pop("headers", {})}
        return self.session.request(method, f"{HOST}/api/v2/{path}", headers=headers, **options)
