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
    """The customers and values of the lines so far, each with its line. It is gone when it is closed."""

    def __init__(self, key_type: str) -> None:
        """Make it for customers whose keys are of this type of SQLite's, INTEGER or TEXT."""
        # Without a name it is a file that SQLite deletes as it opens it.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._database.execute(f"CREATE TABLE customers (key {key_type} PRIMARY KEY, line INTEGER)")
        self._database.execute("CREATE TABLE given (key TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def __enter__(self) -> "Seen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, customers: Iterable[tuple[int | str, int]], values: Iterable[tuple[str, int]]) -> None:
        """Keep customers, by their keys, and values, each with the number of its line."""
        self._database.executemany("INSERT INTO customers VALUES (?, ?)", customers)
        self._database.executemany("INSERT INTO given VALUES (?, ?)", values)

    def lines_of_customers(self, keys: Collection[int | str]) -> dict[int | str, int]:
        """Return the lines of those customers that were there."""
        return dict(self._find("SELECT key, line FROM customers WHERE key IN", keys))

    def lines_of_values(self, values: Collection[str]) -> dict[str, int]:
        """Return the lines of those values that were there."""
        return dict(self._find("SELECT key, line FROM given WHERE key IN", values))

    def _find(self, query: str, keys: Collection[int | str] | Collection[str]) -> Iterable[tuple[Any, int]]:
        rest = iter(keys)
        while some := list(islice(rest, MOST_PARAMETERS)):
            marks = ",".join("?" * len(some))
            yield from self._database.execute(f"{query} ({marks})", some)
