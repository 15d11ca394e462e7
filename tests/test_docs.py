"""Every snippet of the documentation runs."""

import ast
import configparser
import copy
import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import NamedTuple

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.core.checks import ERROR, run_checks
from django.core.management import call_command, get_commands, load_command_class
from django.db import transaction
from django.http import HttpResponse
from django.template.backends.django import DjangoTemplates
from django.test import RequestFactory, override_settings
from django.urls import clear_url_caches, get_resolver, include, reverse
from django.urls import path as url_path

from django_plenigo import conf
from django_plenigo.middleware import PrivateResponseMiddleware
from tests import settings as test_settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("README.md")])
FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^ *(?P=ticks) *$", re.M | re.S
)
FILE_NAME = re.compile(r"# (?P<path>[\w/]+)\.py\n")

#: What MyST makes of these is seen by the build of the documentation, whose warnings are errors.
DIRECTIVES = {"{toctree}", "{include}", "{eval-rst}"}


class Block(NamedTuple):
    """One fenced block of a page."""

    language: str
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    source = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(found["language"].strip(), textwrap.dedent(found["text"]), source.count("\n", 0, found.start()) + 2)
        for found in FENCE.finditer(source)
    ]


def all_blocks(*languages: str) -> list[object]:
    return [
        pytest.param(page, block, id=f"{page}:{block.line}")
        for page in PAGES
        for block in blocks_of(page)
        if block.language in languages
    ]


PAGES_WITH_PYTHON = [page for page in PAGES if any(block.language == "python" for block in blocks_of(page))]


# ---- python ----------------------------------------------------------------------------------------------------

SITE_SETTINGS = {name: value for name, value in vars(test_settings).items() if name.isupper()}


def kind_of(block: Block) -> str:
    """Say what a block is a part of: "settings", "urls", another file of the site ("file"), or "" for plain code."""
    targets = {
        ast.unparse(target)
        for statement in ast.parse(block.text).body
        if isinstance(statement, ast.Assign | ast.AugAssign)
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
    }
    if "urlpatterns" in targets:
        return "urls"
    if any(name in targets for name in (*SITE_SETTINGS, "SECURE_CSP", "SILENCED_SYSTEM_CHECKS")):
        return "settings"
    return "file" if FILE_NAME.match(block.text) else ""


def new_settings() -> dict[str, object]:
    """Return the settings of a site that does not know the package yet."""
    values = copy.deepcopy(SITE_SETTINGS)
    for name in ("INSTALLED_APPS", "MIDDLEWARE"):
        values[name] = [path for path in values[name] if not path.startswith("django_plenigo")]
    return values


def check_settings(names: dict[str, object]) -> None:
    """Run the system checks under the settings that a block has made."""
    before = new_settings()
    values = {name: value for name, value in names.items() if name.isupper() and value != before.get(name)}
    apps = values.pop("INSTALLED_APPS", [])
    assert len(apps) == len(set(apps)), "an app twice"
    assert set(apps) <= set(django_settings.INSTALLED_APPS), "an app that does not exist"
    with override_settings(**values):
        assert [message for message in run_checks(tags=["plenigo", "security"]) if message.level >= ERROR] == []


def check_urls(names: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve the addresses that a block has made."""
    module = ModuleType("page_urls")
    vars(module).update(names)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert get_resolver(module.__name__).check() == []
    assert reverse("plenigo:return", urlconf=module.__name__)
    clear_url_caches()


def run_block(block: Block, page: Path, names: dict[str, object]) -> None:
    """Run a block with the number of its line, so that a failure points into the page."""
    exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)  # noqa: S102 - our own pages


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES_WITH_PYTHON, ids=str)
def test_python_of_a_page_runs(path, sandbox, user, request, monkeypatch):
    web_request = RequestFactory().get("/article/")
    web_request.user = user
    names: dict[str, object] = {"__name__": "page", "user": user, "request": web_request}
    made_settings = []
    for block in blocks_of(path):
        if block.language != "python":
            continue
        for variable in re.findall(r'os\.environ\["(\w+)"\]', block.text):
            monkeypatch.setenv(variable, "made-up-for-the-test-" + "x" * 20)
        kind = kind_of(block)
        if kind == "settings":
            made_settings.append(new_settings())
            run_block(block, path, made_settings[-1])
        elif kind == "urls":
            site_names = {"admin": admin, "include": include, "path": url_path, "urlpatterns": []}
            run_block(block, path, site_names)
            check_urls(site_names, monkeypatch)
        else:
            run_block(block, path, names_of_file(block, monkeypatch) if kind == "file" else names)
    for values in made_settings:  # last, since they may name functions of a file that stands further down
        check_settings(values)
    run_tests_of(names, request)


def names_of_file(block: Block, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return the names of the module that a block is a part of, so that a dotted path finds it."""
    name = FILE_NAME.match(block.text)["path"].replace("/", ".")
    module = sys.modules.get(name) or ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    return vars(module)


def run_tests_of(names: dict[str, object], request: pytest.FixtureRequest) -> None:
    """Run the test functions that a page shows, each as pytest would: what it does is undone."""
    for name, function in list(names.items()):
        if name.startswith("test_") and callable(function):
            arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
            with transaction.atomic():
                function(**{argument: request.getfixturevalue(argument) for argument in arguments})
                transaction.set_rollback(True)
            cache.clear()


# ---- templates -------------------------------------------------------------------------------------------------

MISSING = "[no variable {}]".format


@pytest.mark.django_db
@pytest.mark.parametrize("signed_in", [False, True], ids=["visitor", "customer"])
@pytest.mark.parametrize(("path", "block"), all_blocks("django", "html+django"))
def test_template_of_a_page_renders(path, block, signed_in, request):
    options = {**django_settings.TEMPLATES[0]["OPTIONS"], "string_if_invalid": MISSING("%s")}
    engine = DjangoTemplates({"NAME": "docs", "DIRS": [], "APP_DIRS": True, "OPTIONS": options})
    article = SimpleNamespace(title="The night ferry", teaser="First.", body="All.", product_ids=["P_MONTHLY"])

    def view(web_request):
        context = {"article": article, "product_ids": article.product_ids, "using": conf.DEFAULT_ACCOUNT}
        return HttpResponse(engine.from_string(block.text).render(context, web_request))

    web_request = RequestFactory().get("/article/")
    web_request.user = request.getfixturevalue("reader") if signed_in else AnonymousUser()
    text = PrivateResponseMiddleware(view)(web_request).content.decode()
    assert MISSING("").rstrip("]") not in text


# ---- commands --------------------------------------------------------------------------------------------------


def tox_environments() -> tuple[list[str], set[str]]:
    """Return the environments that run by default, and all."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    default = [name.strip() for name in parser["tox"]["env_list"].split(",")]
    return default, {*default, *(name[8:] for name in parser.sections() if name.startswith("testenv:"))}


def check_django_command(name: str, *arguments: str) -> None:
    app = get_commands().get(name)
    if app is not None:
        load_command_class(app, name).create_parser("manage.py", name).parse_args(list(arguments))
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
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
        assert (name, arguments[0]) == ("pip", "install"), "an unknown module"
        assert {argument for argument in arguments[1:] if argument[0] != "-"} <= {project, "tox", "."}


def check_help(command: list[str], *arguments: str) -> None:
    environ = {**os.environ, "DATABASE_URL": "sqlite://:memory:", "PYTHONPATH": str(ROOT)}
    environ.pop("DJANGO_SETTINGS_MODULE", None)
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


@pytest.mark.parametrize(("path", "block"), all_blocks("shell", "console", "bash", "sh"))
def test_command_of_a_page_exists_with_its_options(path, block):
    read_by_us = "".join(path.read_text() for path in [ROOT / "tox.ini", *ROOT.glob("**/settings.py")])
    commands = list(commands_of(block))
    assert commands
    for words in commands:
        while re.match(r"[A-Z_]+=", words[0]):
            assert words.pop(0).partition("=")[0] in read_by_us, "an environment variable that nobody reads"
        assert words[0] in PROGRAMS, f"an unknown program: {words[0]}"
        PROGRAMS[words[0]](*words[1:])


# ---- other languages -------------------------------------------------------------------------------------------

SEEN_ABOVE = {"python", "django", "html+django", "shell", "console", "bash", "sh"}


def check_text(text: str) -> None:
    """Refuse what should have been marked as a language."""
    assert not re.search(r"\{%|^\s*(\$ |import |from \w+ import )", text, re.M)


PARSERS: dict[str, Callable[[str], object]] = {"json": json.loads, "toml": tomllib.loads, "text": check_text}


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_no_block_of_a_page_is_skipped(path):
    source = (ROOT / path).read_text(encoding="utf-8")
    fences = re.findall(r"^ *(?:`{3,}|~{3,})", source, re.M)
    blocks = blocks_of(path)
    assert len(fences) == 2 * len(blocks)
    for block in blocks:
        kind = block.language.split()[0] if block.language else ""
        assert kind in SEEN_ABOVE | DIRECTIVES | PARSERS.keys(), f"line {block.line}: an unknown language"
        PARSERS.get(kind, str)(block.text)


# ---- the quickstart --------------------------------------------------------------------------------------------

VISIT = """
import django
django.setup()
import html, json, re
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
reader = get_user_model().objects.create_superuser("ada", "ada@example.com", "secret")
browser = Client(SERVER_NAME="localhost")
assert b"The whole article." not in browser.get("/article/").content
browser.force_login(reader)
offer = html.unescape(re.search('data-plenigo-offer="([^"]+)"', browser.get("/article/").content.decode())[1])
click = browser.post("/plenigo/api/checkout/", {"offer": offer, "page": "/article/"}, content_type="application/json")
assert click.json()["function"] == "plenigo.checkoutWithRemoteLogin", click.content
script = re.search('src="(/plenigo-sandbox[^"]+)"', browser.get("/article/").content.decode())[1]
assert browser.get(script).status_code == 200
call_command("plenigo_sandbox_buy", str(reader.pk), "EgLUrT56328991046641", verbosity=0)
assert browser.get(click.json()["arguments"]["targetUrl"])["Location"] == "/article/"
assert b"The whole article." in browser.get("/article/").content
"""


def test_quickstart_makes_a_working_gate(tmp_path):
    environ = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "DJANGO_SETTINGS_MODULE": "mysite.settings"}

    call_command("startproject", "mysite", str(tmp_path))
    blocks = blocks_of(Path("docs/quickstart.md"))
    settings_block, urls_block = [block.text for block in blocks if block.language == "python"][:2]
    template = next(block.text for block in blocks if block.language == "html+django")
    settings_file = tmp_path / "mysite" / "settings.py"
    settings_file.write_text(settings_file.read_text() + settings_block)
    (tmp_path / "mysite" / "urls.py").write_text(urls_block)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "article.html").write_text(template)
    answer = subprocess.run(
        [sys.executable, "-c", VISIT], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
