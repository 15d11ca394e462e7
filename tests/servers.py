"""The database servers that tests use where there are any: which, and what is missing."""

import importlib.util
import os
import socket
from urllib.parse import urlsplit

#: By the name of Django's backend: the variable with the address, an example of it, and the driver.
SERVERS = {
    "postgresql": ("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres", "psycopg"),
    "mariadb": ("MARIADB_URL", "mysql://root@127.0.0.1:3306/test", "MySQLdb"),
}
PORTS = {"postgresql": 5432, "mariadb": 3306}
DRIVERS = {
    "psycopg": "psycopg is not installed: it is in the dependency group test.",
    "MySQLdb": "mysqlclient is not installed: it is the dependency group mariadb, and needs MariaDB's headers.",
}


def url_of(server: str) -> str:
    """Return the address that the environment names, "" where it names none."""
    return os.environ.get(SERVERS[server][0], "")


def what_is_missing(server: str) -> str | None:
    """Return why a server cannot be used, in a sentence; None where it can."""
    variable, example, driver = SERVERS[server]
    if not url_of(server):
        return f"{variable} names no server, such as {example}."
    if importlib.util.find_spec(driver) is None:
        return DRIVERS[driver]
    address = urlsplit(url_of(server))
    try:
        socket.create_connection((address.hostname or "", address.port or PORTS[server]), timeout=10).close()
    except OSError as error:
        return f"Nothing answers at the address in {variable} ({error.strerror or type(error).__name__})."
    return None
