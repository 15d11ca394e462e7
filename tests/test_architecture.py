"""The floors of the house: data flows one way, and three walls keep the outsides out."""

import ast
from pathlib import Path

import pytest

from tests.imports import imports_of, loaded_by_path, settings_read

ROOT = Path(__file__).parent.parent / "django_plenigo"

FLOORS = [
    {"budget", "errors", "first_use", "signals", "tracebacks"},
    {"conf"},
    {"transport", "throttles", "spreadsheets", "encryption"},
    {"protocols"},
    {"backends", "models", "privacy"},
    {"services"},
    {"receivers", "heartbeat", "middleware", "delivery", "background", "tasks"}
    | {"templatetags", "paywall", "views", "webhooks", "api", "admin", "checks", "management"},
    {"apps", "urls"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

#: The rooms that load by dotted path, since a path stands in a setting or what it names must not load at start-up.
LOADING_ROOMS = {"backends", "conf", "first_use", "urls", "views"}

#: How a path begins of what lies below the package that loads it.
OWN_PARTS = "f'{__name__}."

#: What reaches a network or a name system. Of `urllib` only `urllib.parse` does not.
NETWORK = {
    *("requests", "urllib3", "urllib.request", "urllib.robotparser", "httpx", "aiohttp", "websockets", "pycurl"),
    *("http", "socket", "socketserver", "ssl", "select", "selectors", "asyncio"),
    *("smtplib", "imaplib", "poplib", "ftplib", "xmlrpc"),
}

#: Each imports only earlier ones; a service that is not named here may import these, and no other knows it.
SERVICES_IN_ORDER = ["rows", "hashes", "outbox", "customers", "sessions", "access_ids", "access_imports", "sending"]
SERVICES_IN_ORDER += ["access", "portals", "webhooks"]


def is_sandbox(path: Path) -> bool:
    return "sandbox" in path.relative_to(ROOT).parts


FILES = sorted(
    path
    for path in ROOT.rglob("*.py")
    if not is_sandbox(path) and "migrations" not in path.parts and path != ROOT / "__init__.py"
)
SANDBOX_FILES = sorted(path for path in ROOT.rglob("*.py") if is_sandbox(path))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def source_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def names_imported(path: Path) -> set[str]:
    return imports_of(source_of(path), package=".".join(path.relative_to(ROOT.parent).parent.parts))


def rooms_of(names: set[str]) -> set[str]:
    own = [name.split(".") for name in names if name.split(".")[0] == "django_plenigo"]
    return {parts[1] for parts in own if len(parts) > 1}


def forbidden_by_the_floors(room: str, names: set[str]) -> set[str]:
    return {other for other in rooms_of(names) if other != room and FLOOR[other] >= FLOOR[room]}


def of_the_network(names: set[str]) -> set[str]:
    return {
        name
        for name in names
        if name == "urllib" or any(name == each or name.startswith(f"{each}.") for each in NETWORK)
    }


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_module_imports_only_lower_floors_or_its_own_room(path: Path) -> None:
    room = room_of(path)
    assert room in FLOOR, "a new room: give it a floor"
    assert forbidden_by_the_floors(room, names_imported(path)) == set()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_named_rooms_load_by_dotted_path(path: Path) -> None:
    if room_of(path) not in LOADING_ROOMS:
        assert [found for found in loaded_by_path(source_of(path)) if not found.startswith(OWN_PARTS)] == []


def test_services_import_only_earlier_services() -> None:
    for path in (ROOT / "services").rglob("*.py"):
        service = path.relative_to(ROOT / "services").parts[0].removesuffix(".py")
        imported = {
            name.split(".")[2]
            for name in names_imported(path)
            if name.startswith("django_plenigo.services.") and len(name.split(".")) > 2
        } - {service}
        earlier = SERVICES_IN_ORDER[: SERVICES_IN_ORDER.index(service)] if service in SERVICES_IN_ORDER else None
        assert imported <= set(SERVICES_IN_ORDER if earlier is None else earlier), name_of(path)


def test_vendors_do_not_know_each_other() -> None:
    for path in (ROOT / "protocols").rglob("*.py"):
        vendor = path.relative_to(ROOT / "protocols").parts[0].removesuffix(".py")
        imported = {
            name.split(".")[2]
            for name in names_imported(path)
            if name.startswith("django_plenigo.protocols.") and len(name.split(".")) > 2
        }
        assert imported <= {"base", vendor}, name_of(path)


def test_protocols_know_no_settings_no_models_and_no_registry() -> None:
    for path in (ROOT / "protocols").rglob("*.py"):
        forbidden = ("django.conf", "django.db", "django.apps")
        assert not [name for name in names_imported(path) if name.startswith(forbidden)], name_of(path)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_transport_imports_what_reaches_the_network(path: Path) -> None:
    if room_of(path) != "transport":
        assert of_the_network(names_imported(path)) == set()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_conf_reads_settings(path: Path) -> None:
    """`settings.AUTH_USER_MODEL` is excepted, since a model's foreign key must name it."""
    if room_of(path) != "conf":
        assert settings_read(source_of(path)) <= {"AUTH_USER_MODEL"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_imported_inside_a_function(path: Path) -> None:
    """Except in `AppConfig.ready`; what must be light at start-up is loaded by dotted path."""
    tree = ast.parse(source_of(path))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = [
        function.name
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and not (room_of(path) == "apps" and function.name == "ready")
    ]
    assert late == []


@pytest.mark.parametrize("path", SANDBOX_FILES, ids=name_of)
def test_the_sandbox_imports_and_loads_no_room(path: Path) -> None:
    assert rooms_of(names_imported(path)) <= {"sandbox"}
    assert all(loaded.startswith("'django_plenigo.sandbox.") for loaded in loaded_by_path(source_of(path)))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_room_imports_the_sandbox(path: Path) -> None:
    assert "sandbox" not in rooms_of(names_imported(path))


# ---- the tests of these tests: each of these would be found


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("django_plenigo.protocols", "from django_plenigo.services import access"),
        ("django_plenigo.protocols", "from django_plenigo import services"),
        ("django_plenigo.protocols", "import django_plenigo.services.access as x"),
        ("django_plenigo.protocols", "def f():\n    from django_plenigo.services import access"),
        ("django_plenigo.protocols", "from ..services import access"),
        ("django_plenigo.protocols.plenigo_v2", "from ...services.access import has_bought"),
        ("django_plenigo.protocols", "from .. import services"),
        ("django_plenigo.api", "from ..views import return_from_checkout"),
        ("django_plenigo.services", "from ..api import views"),
    ],
)
def test_import_of_a_higher_floor_or_of_another_door_is_found(package: str, source: str) -> None:
    assert forbidden_by_the_floors(package.split(".")[1], imports_of(source, package))


def test_import_of_a_door_by_a_door_beside_it_is_found() -> None:
    assert forbidden_by_the_floors("views", imports_of("from .paywall import x", "django_plenigo")) == {"paywall"}
    assert forbidden_by_the_floors("views", imports_of("from . import paywall", "django_plenigo")) == {"paywall"}


def test_relative_import_within_a_room_is_none_of_another() -> None:
    names = imports_of("from .customers import register\nfrom . import access", "django_plenigo.services")
    assert names == {"django_plenigo.services.customers.register", "django_plenigo.services.access"}
    assert rooms_of(names) == {"services"}


def test_room_that_the_sandbox_imports_is_found() -> None:
    assert rooms_of(imports_of("from ..transport import x", "django_plenigo.sandbox")) == {"transport"}


@pytest.mark.parametrize(
    "source",
    [
        *("import requests", "import urllib", "import urllib.request", "from urllib import request", "import socket"),
        *("import aiohttp", "import smtplib", "import http.client", "from http.client import HTTPSConnection"),
        *("import ssl", "import asyncio", "def f():\n    import urllib3.util"),
    ],
)
def test_import_that_reaches_the_network_is_found(source: str) -> None:
    assert of_the_network(imports_of(source, "django_plenigo.services"))


def test_import_that_reaches_no_network_is_not_found() -> None:
    source = "from urllib.parse import quote\nfrom django.http import HttpRequest\nimport requestslike"
    assert of_the_network(imports_of(source, "django_plenigo.services")) == set()


@pytest.mark.parametrize(
    ("source", "loaded"),
    [
        ("importlib.import_module('requests')", "'requests'"),
        ("import_string('django_plenigo.services.access.has_bought')", "'django_plenigo.services.access.has_bought'"),
        ("import_string(PATH)", "PATH"),
        ("__import__(name)", "name"),
    ],
)
def test_loading_by_dotted_path_is_found(source: str, loaded: str) -> None:
    assert loaded_by_path(source) == [loaded]


@pytest.mark.parametrize(
    "source",
    [
        "from django.conf import settings\nsettings.PLENIGO",
        "from django.conf import settings as site\nsite.PLENIGO",
        "from django.conf import settings\ngetattr(settings, 'PLENIGO')",
        "from django.conf import settings\ncopy = settings",
        "import django.conf\ndjango.conf.settings.PLENIGO",
        "import django\ndjango.conf.settings.PLENIGO",
        "from django import conf\nconf.settings.PLENIGO",
        "def f():\n    from django.conf import settings\n    return settings.PLENIGO",
    ],
)
def test_setting_that_is_read_is_found(source: str) -> None:
    assert settings_read(source) - {"AUTH_USER_MODEL"}


def test_user_model_is_no_setting_of_ours() -> None:
    assert settings_read("from django.conf import settings\nx = settings.AUTH_USER_MODEL") == {"AUTH_USER_MODEL"}
