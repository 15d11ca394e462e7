"""A client of the API that knows nothing of ours, a site that takes webhooks, and a browser."""

import hashlib
import hmac
import html
import json
import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import requests
from django.test import Client

from django_plenigo.sandbox.adapter import SandboxAdapter
from tests.sandbox.webhooks.receiving import Site

CODE, KEY = "SANDBOX001", "sandbox-2co-secret"
URL = "https://api.2checkout.example/rpc/6.0/"
MOUNT = "/plenigo-sandbox"
DIGESTS = {"sha256": hashlib.sha256, "sha3-256": hashlib.sha3_256, "md5": hashlib.md5}


def signature(key: str, algorithm: str, *values: str) -> str:
    """Sign values as the vendor's documents say."""
    measured = "".join(f"{len(value.encode())}{value}" for value in values)
    return hmac.new(key.encode(), measured.encode(), DIGESTS[algorithm]).hexdigest()


class Rpc:
    """JSON-RPC in process."""

    def __init__(self) -> None:
        self.http = requests.Session()
        self.http.mount("https://", SandboxAdapter())
        self.number = 0

    def post(self, body, url: str = URL) -> requests.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(url, data=data, headers={"Content-Type": "application/json"}, timeout=5)

    def __call__(self, method: str, *params):
        """Return the result, or code and message of the error; whatever came must be well-formed."""
        self.number += 1
        response = self.post({"jsonrpc": "2.0", "id": self.number, "method": method, "params": list(params)})
        answer = response.json()
        assert (response.status_code, answer["id"], answer["jsonrpc"]) == (200, self.number, "2.0")
        assert len(answer) == 3
        if "error" in answer:
            return answer["error"]["code"], answer["error"]["message"]
        assert answer["result"] is not None
        return answer["result"]

    def log_in(self, code: str = CODE, key: str = KEY, algorithm: str = "sha256"):
        date = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
        return self("login", code, date, signature(key, algorithm, code, date), algorithm)


class Merchant(Site):
    """The merchant's site, which answers webhooks with a read receipt."""

    def __init__(self, algorithm: str = "sha256") -> None:
        super().__init__()
        self.algorithm = algorithm

    def answer_to(self, body):
        fields = parse_qsl(body.decode(), keep_blank_values=True)
        first = dict(reversed(fields))
        names = ["IPN_PID[]", "IPN_PNAME[]", "IPN_DATE"] if "REFNO" in first else ["LICENSE_CODE", "EXPIRATION_DATE"]
        date = "20250102030410"
        told = signature(KEY, self.algorithm, *(first[name] for name in names), date)
        if self.algorithm == "md5":
            return f"<EPAYMENT>{date}|{told}</EPAYMENT>"
        return f'<p>Thanks <sig algo="{self.algorithm}" date="{date}">{told.upper()}</sig></p>'

    def told(self):
        """Return what was told, as dictionaries."""
        return [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _url, body, _headers in self.calls]


class Browser:
    """A browser without JavaScript at the sandbox that a site has mounted; it insists on CSRF tokens, and has none."""

    def __init__(self, address: str = "203.0.113.7", **headers: str) -> None:
        self.client = Client(enforce_csrf_checks=True, REMOTE_ADDR=address, **headers)
        self.status, self.text = 0, ""

    def open(self, url: str, **options):
        """Follow a link; one of the vendor's own host leads to the mount."""
        parts = urlsplit(url)
        path = parts.path if parts.path.startswith(MOUNT) else MOUNT + parts.path
        return self._take(self.client.get(f"{path}?{parts.query}", follow=True, **options), path)

    def _take(self, response, path: str):
        self.response, self.status, self.text = response, response.status_code, response.content.decode()
        self.path = response.request["PATH_INFO"]
        self.query = response.request["QUERY_STRING"]
        return self

    def send(self, index: int = 0, **fields: str):
        """Send one of the page's forms, with the fields that it has and others."""
        form = re.findall(r'<form method="post"(?: action="([^"]*)")?.*?>(.*?)</form>', self.text, re.DOTALL)[index]
        inputs = re.findall(r"<input[^>]*>", form[1])
        values = {}
        for tag in inputs:
            name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
            values[name[1]] = html.unescape(value[1]) if value else ""
        path = form[0] if form[0] not in ("", "?") else self.path
        query = f"?{self.query}" if self.query and not form[0] else ""
        return self._take(self.client.post(path + query, {**values, **fields}), path)

    @property
    def sentence(self) -> str:
        found = re.search(r'role="(?:alert|status)"[^>]*>([^<]*)<', self.text)
        return html.unescape(found[1]) if found else ""
