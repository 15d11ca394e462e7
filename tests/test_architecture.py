"""The floors of the house: data flows one way, and three walls keep the outsides out."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "django_plenigo"

FLOORS = [
    {"budget", "errors", "signals", "tracebacks"},
    {"conf"},
    {"transport", "throttles"},
    {"protocols"},
    {"backends", "models", "privacy"},
    {"services"},
    {"receivers", "middleware", "templatetags", "paywall", "views", "api", "admin", "checks", "management"},
    {"apps", "urls"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

#: Each imports only earlier ones; a service that is not named here may import these, and no other knows it.
SERVICES_IN_ORDER = ["customers"]


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


def imports_of(path: Path) -> set[str]:
    """Every dotted name that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def rooms_imported(path: Path) -> set[str]:
    own = [name.split(".") for name in imports_of(path) if name.split(".")[0] == "django_plenigo"]
    return {parts[1] for parts in own if len(parts) > 1}


def packages_imported(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path)}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_module_imports_only_lower_floors_or_its_own_room(path: Path) -> None:
    room = room_of(path)
    assert room in FLOOR, "a new room: give it a floor"
    assert {name for name in rooms_imported(path) if name != room and FLOOR[name] >= FLOOR[room]} == set()


def test_services_import_only_earlier_services() -> None:
    for path in (ROOT / "services").glob("*.py"):
        imported = {
            name.split(".")[2]
            for name in imports_of(path)
            if name.startswith("django_plenigo.services.") and len(name.split(".")) > 2
        }
        earlier = SERVICES_IN_ORDER[: SERVICES_IN_ORDER.index(path.stem)] if path.stem in SERVICES_IN_ORDER else None
        assert imported <= set(SERVICES_IN_ORDER if earlier is None else earlier), path.stem


def test_vendors_do_not_know_each_other() -> None:
    for path in (ROOT / "protocols").rglob("*.py"):
        vendor = path.relative_to(ROOT / "protocols").parts[0].removesuffix(".py")
        imported = {
            name.split(".")[2]
            for name in imports_of(path)
            if name.startswith("django_plenigo.protocols.") and len(name.split(".")) > 2
        }
        assert imported <= {"base", vendor}, name_of(path)


def test_protocols_know_no_settings_no_models_and_no_registry() -> None:
    for path in (ROOT / "protocols").rglob("*.py"):
        forbidden = ("django.conf", "django.db", "django.apps")
        assert not [name for name in imports_of(path) if name.startswith(forbidden)], name_of(path)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_transport_imports_the_http_library(path: Path) -> None:
    if room_of(path) != "transport":
        assert not packages_imported(path) & {"requests", "urllib3", "httpx", "http", "socket"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_conf_reads_settings(path: Path) -> None:
    """`settings.AUTH_USER_MODEL` is excepted, since a model's foreign key must name it."""
    if room_of(path) == "conf":
        return
    read = [
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "settings"
    ]
    if "django.conf.settings" in imports_of(path):
        assert set(read) == {"AUTH_USER_MODEL"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_imported_inside_a_function(path: Path) -> None:
    """Except in `AppConfig.ready`; what must be light at start-up is loaded by dotted path."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = [
        function.name
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom) and not (room_of(path) == "apps" and function.name == "ready")
    ]
    assert late == []


@pytest.mark.parametrize("path", SANDBOX_FILES, ids=name_of)
def test_the_sandbox_imports_no_room(path: Path) -> None:
    assert rooms_imported(path) <= {"sandbox"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_room_imports_the_sandbox(path: Path) -> None:
    assert "sandbox" not in rooms_imported(path)
