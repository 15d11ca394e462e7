"""What a file has said already, kept on the disk: a file may have more lines than the memory has room for."""

import sqlite3
from collections.abc import Collection, Iterable
from itertools import islice
from types import TracebackType
from typing import Any

#: How much of it is in memory, in KiB.
CACHE_KIB = 1024

#: The oldest releases of SQLite take no more parameters.
MOST_PARAMETERS = 900


class Seen:
    """The customers and ids of the lines so far, each with its line. It is gone when it is closed."""

    def __init__(self) -> None:
        # Without a name it is a file that SQLite deletes as it opens it.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute("CREATE TABLE customers (key INTEGER PRIMARY KEY, line INTEGER)")
        self._database.execute("CREATE TABLE ids (key TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def __enter__(self) -> "Seen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, customers: Iterable[tuple[int, int]], ids: Iterable[tuple[str, int]]) -> None:
        """Keep customers, by the keys of their links, and ids, each with the number of its line."""
        self._database.executemany("INSERT INTO customers VALUES (?, ?)", customers)
        self._database.executemany("INSERT INTO ids VALUES (?, ?)", ids)

    def lines_of_customers(self, keys: Collection[int]) -> dict[int, int]:
        """Return the lines of those customers that were there."""
        return dict(self._find("SELECT key, line FROM customers WHERE key IN", keys))

    def lines_of_ids(self, values: Collection[str]) -> dict[str, int]:
        """Return the lines of those ids that were there."""
        return dict(self._find("SELECT key, line FROM ids WHERE key IN", values))

    def _find(self, query: str, keys: Collection[int] | Collection[str]) -> Iterable[tuple[Any, int]]:
        rest = iter(keys)
        while some := list(islice(rest, MOST_PARAMETERS)):
            marks = ",".join("?" * len(some))
            yield from self._database.execute(f"{query} ({marks})", some)
