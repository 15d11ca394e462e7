"""Caches that go wrong, or do more than others."""

from typing import Any, ClassVar, NoReturn

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


class CacheThatIsDown(BaseCache):
    """What every cache's client does when its server is gone."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _fail(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ConnectionError("redis://:password@cache.example")

    add = get = get_many = set = delete = delete_many = touch = _fail  # type: ignore[assignment]  # none answers

    def clear(self) -> None:
        """Do nothing: there is nothing."""


class CacheInTheDatabase(LocMemCache):
    """Opens a database connection in whatever thread reads it, as Django's cache in the database does."""

    used: ClassVar[list[BaseDatabaseWrapper]] = []

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(location, params)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        connections["default"].ensure_connection()
        self.used.append(connections["default"])
        return super().get(*args, **kwargs)


class CacheThatTellsItsKeys(LocMemCache):
    """Keeps what it was asked for, as whoever looks into a shared cache sees it."""

    keys: ClassVar[set[str]] = set()

    def make_key(self, key: str, version: int | None = None) -> str:
        made: str = super().make_key(key, version)
        self.keys.add(made)
        return made
