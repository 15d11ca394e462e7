"""Clients whose vendor answers by a script."""

from collections.abc import Callable, Iterator

import pytest

from tests.scripted_vendor_v3 import ScriptedVendor


@pytest.fixture
def vendor() -> Iterator[Callable[..., ScriptedVendor]]:
    """Make clients of API v3; all that they have sent is held against the vendor's document at the end."""
    made: list[ScriptedVendor] = []

    def make(*script, **options) -> ScriptedVendor:
        made.append(ScriptedVendor(*script, **options))
        return made[-1]

    yield make
    for each in made:
        each.check_requests()
