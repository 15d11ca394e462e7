"""What a vendor answered, and who says what it means."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django_plenigo.errors import RemoteError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor answered."""

    status: int
    """The HTTP status."""

    headers: Mapping[str, str] = field(repr=False)
    """The headers; their names are compared without regard to case."""

    body: bytes = field(repr=False)
    """The body as it came."""

    @property
    def is_page(self) -> bool:
        """Whether it is a page for people, which no API sends: something in front of the vendor did."""
        return self.headers.get("Content-Type", "").lower().startswith("text/html")

    def json(self) -> Any:
        """Return the body as JSON. Raises `ValueError`, which tells nothing of the body."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            pass
        # Out of reach of the first error, which holds the body.
        raise ValueError("the body is no JSON")


#: Says what an answer means: an error and a short word, or None where all is well. A pure function of a protocol.
Judge = Callable[[Answer], tuple[type[RemoteError], str] | None]
