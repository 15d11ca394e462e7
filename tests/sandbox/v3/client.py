"""A client of API v3 by hand, so that no code of the package's own client takes part."""

from typing import Any

import requests

from django_plenigo.sandbox.adapter import SandboxAdapter
from django_plenigo.sandbox.credentials import API_TOKEN
from tests.sandbox.vendor_client import HOST


class ApiV3:
    """Calls the sandbox in process."""

    def __init__(self, token: str = API_TOKEN) -> None:
        self.token = token
        self.session = requests.Session()
        self.session.mount(HOST, SandboxAdapter())

    def __call__(self, method: str, path: str, json: Any = None, *, token: str | None = None, **options: Any) -> Any:
        """Send one call; `path` goes below `/api/v3.0/`."""
        headers = {"X-plenigo-token": self.token if token is None else token}
        return self.session.request(method, f"{HOST}/api/v3.0/{path}", json=json, headers=headers, **options)

    def ask(self, method: str, path: str, json: Any = None, **options: Any) -> tuple[int, Any]:
        """Send one call and return status and body, None for no body."""
        answer = self(method, path, json, **options)
        return answer.status_code, answer.json() if answer.content else None

    def refusal(self, method: str, path: str, json: Any = None, **options: Any) -> tuple[int, int]:
        """Send one call and return status and error code. Raises `KeyError` where the body is no error."""
        status, body = self.ask(method, path, json, **options)
        assert set(body) <= {"errorCode", "errorMessage", "validationErrors"}
        assert body["errorMessage"]
        return status, body["errorCode"]
