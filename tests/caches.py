"""Caches that go wrong."""

from typing import Any, NoReturn

from django.core.cache.backends.base import BaseCache


class CacheThatIsDown(BaseCache):
    """What every cache's client does when its server is gone."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _fail(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ConnectionError("redis://:password@cache.example")

    add = get = get_many = set = delete = delete_many = touch = _fail  # type: ignore[assignment]  # none answers

    def clear(self) -> None:
        """Do nothing: there is nothing."""
