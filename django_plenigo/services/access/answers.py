"""What a gate is told: bought, not bought, or unknown."""

import enum
from dataclasses import dataclass


class Access(enum.Enum):
    """What a gate is told."""

    BOUGHT = "bought"
    NOT_BOUGHT = "not bought"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AccessAnswer:
    """What a gate is told, and how it came about."""

    access: Access
    """Bought, not bought, or unknown."""

    has_failed: bool = False
    """Whether the vendor was asked and did not answer."""


#: Made once: a frozen value costs more to make than to look up, and a page may hold many gates.
BOUGHT, NOT_BOUGHT = AccessAnswer(Access.BOUGHT), AccessAnswer(Access.NOT_BOUGHT)
