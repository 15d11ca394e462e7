"""Every command of the documentation exists with its options, and runs where that is cheap and local."""

import configparser
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.core.management import call_command, get_commands, load_command_class
from django.utils import timezone

from django_plenigo.sandbox.models import Customer
from django_plenigo.services import customers
from tests.factories import UserFactory
from tests.pages import ROOT, SHELL, Block, all_blocks


def tox_environments() -> tuple[list[str], set[str]]:
    """Return the environments that run by default, and all."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    default = [name.strip() for name in parser["tox"]["env_list"].split(",")]
    return default, {*default, *(name[8:] for name in parser.sections() if name.startswith("testenv:"))}


#: These change nothing but the database, and end at once.
RUN_FOR_REAL = ("plenigo_link_users", "plenigo_sandbox_buy", "plenigo_sandbox_callbacks", "plenigo_sync")

#: Of a package that a site may choose.
OF_TASKS = ("db_worker", "prune_db_task_results")

#: What the pages install besides this package.
PACKAGES = {"tox", "django-tasks-db", "redis"}


def check_django_command(name: str, *arguments: str) -> None:
    app = get_commands().get(name)
    if app is not None:
        load_command_class(app, name).create_parser("manage.py", name).parse_args(list(arguments))
        ends = "--watch" not in arguments
        if (name in RUN_FOR_REAL and ends) or "--credentials" in arguments:
            said = StringIO()
            call_command(name, *arguments, stdout=said)  # raises where it does not end with 0
            assert said.getvalue()
        return
    if name in OF_TASKS:
        site = {"DJANGO_SETTINGS_MODULE": "tests.delivery.settings", "DELIVERY": "django_plenigo.background.enqueue"}
        check_help([sys.executable, "-m", "django", name], *arguments, **site)
        return
    # One of the example's own, whose settings are others than the tests'.
    check_help([sys.executable, str(ROOT / "example_project" / "manage.py"), name], *arguments)


def check_module(name: str, *arguments: str) -> None:
    if name.startswith("benchmarks"):
        check_help([sys.executable, "-m", name], *arguments)
    elif name == "pytest":
        check_paths(*arguments)
    elif name == "django":
        check_django_command(*arguments)
    else:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert (name, arguments[0]) == ("pip", "install"), "an unknown module"
        extras = {f"{project['name']}[{extra}]" for extra in project["optional-dependencies"]}
        named = {argument for argument in arguments[1:] if argument[0] != "-"}
        assert named <= PACKAGES | extras | {project["name"], "."}


def check_celery(*arguments: str) -> None:
    subcommand, *options = arguments[arguments.index("--app") + 2 :]
    check_help([sys.executable, "-m", "celery", subcommand], *options)


def check_help(command: list[str], *arguments: str, **variables: str) -> None:
    environ = {**os.environ, "DATABASE_URL": "sqlite://:memory:", "PYTHONPATH": str(ROOT)}
    environ.pop("DJANGO_SETTINGS_MODULE", None)
    environ |= variables
    answer = subprocess.run([*command, "--help"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert {argument for argument in arguments if argument[0] == "-" and argument not in answer.stdout} == set()


def check_paths(*arguments: str) -> None:
    assert {name for name in arguments if name.startswith("tests") and not (ROOT / name).exists()} == set()


def check_tox(*arguments: str) -> None:
    own, _, posargs = " ".join(arguments).partition(" -- ")
    named = re.search(r"-e (\S+)", own)
    assert set(named[1].split(",") if named else []) <= tox_environments()[1]
    check_paths(*posargs.split())


def check_python(first: str, *arguments: str) -> None:
    if first == "-m":
        check_module(*arguments)
        return
    assert first in ("manage.py", "example_project/manage.py"), "an unknown script"
    check_django_command(*arguments)


def check_directory(name: str) -> None:
    assert (ROOT / name).is_dir()


PROGRAMS: dict[str, Callable[..., None]] = {
    "python": check_python,
    "django-admin": check_django_command,
    "tox": check_tox,
    "celery": check_celery,
    "cd": check_directory,
}


def commands_of(block: Block) -> Iterator[list[str]]:
    """Yield the words of every command; with prompts, what stands without one is output."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    for line in lines:
        for part in line.split("&&"):
            words = shlex.split(part, comments=True)
            if words:
                yield words


@pytest.fixture
def customers_of_the_pages(sandbox):
    """The customers that the pages name: by your external id, and by plenigo's own."""
    customers.register(UserFactory(pk=4711))
    Customer.objects.create(
        company=sandbox.company, customer_id="MAP27KCA3K2P", email="page@example.com", registered_at=timezone.now()
    )
    UserFactory.create_batch(2)  # nobody's customers yet


@pytest.mark.usefixtures("customers_of_the_pages")
@pytest.mark.parametrize(("path", "block"), all_blocks(*SHELL))
def test_command_of_a_page_runs_or_exists_with_its_options(path, block):
    read_by_us = "".join(path.read_text() for path in [ROOT / "tox.ini", *ROOT.glob("**/settings.py")])
    commands = list(commands_of(block))
    assert commands
    for words in commands:
        while re.match(r"[A-Z_]+=", words[0]):
            assert words.pop(0).partition("=")[0] in read_by_us, "an environment variable that nobody reads"
        assert words[0] in PROGRAMS, f"an unknown program: {words[0]}"
        PROGRAMS[words[0]](*words[1:])
