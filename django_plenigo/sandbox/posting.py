"""Send a body to a site's address. Callbacks and webhooks share it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import requests

#: Our choice: no document says how long the vendors wait for an answer.
TIMEOUT_SECONDS = 5.0
#: So long nobody else sends what one process is sending.
CLAIM = timedelta(minutes=1)
#: What is read of an answer. A read receipt may stand anywhere in it.
ANSWER_BYTES = 64 * 1024


def answers_a_look(url: str) -> bool:
    """Say whether an address answers a GET with 200, as 2Checkout asks of it. Source: docs/protocols/2checkout.md 8."""
    try:
        return requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False).status_code == 200
    except requests.RequestException:
        return False


@dataclass(frozen=True, slots=True)
class Reply:
    """What a site has answered."""

    status: int
    body: str = field(default="", repr=False)
    """The beginning of it, where the sender must read it."""

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 200 to 299."""
        return 200 <= self.status < 300


#: Sends a body to an address and returns the answer. Raises `requests.RequestException`.
PostAndRead = Callable[[str, bytes, Mapping[str, str]], Reply]


def post_and_read(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    """Send a body and return status and body of the answer. Follows no redirect. Raises `requests.RequestException`."""
    options = {"timeout": TIMEOUT_SECONDS, "allow_redirects": False, "stream": True}
    with requests.post(url, data=body, headers=dict(headers), **options) as response:  # type: ignore[arg-type]  # noqa: S113 - has one
        content = b""
        for part in response.iter_content(ANSWER_BYTES):  # a site may send it bit by bit
            content += part
            if len(content) >= ANSWER_BYTES:
                break
        return Reply(response.status_code, content.decode("utf-8", "replace"))
