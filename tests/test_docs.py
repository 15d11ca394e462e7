"""Every snippet of the documentation runs; commands and whole sites have modules of their own."""

import ast
import copy
import json
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.core.checks import ERROR, run_checks
from django.db import transaction
from django.db.utils import ConnectionHandler
from django.http import HttpResponse
from django.template.backends.django import DjangoTemplates
from django.test import RequestFactory, override_settings
from django.urls import clear_url_caches, get_resolver, reverse
from django.urls import path as url_path

from django_plenigo import conf
from django_plenigo.middleware import PrivateResponseMiddleware
from django_plenigo.sandbox import identifiers, seed
from tests import settings as test_settings
from tests.pages import PAGES, ROOT, SHELL, TEMPLATES, Block, all_blocks, blocks_of

FILE_NAME = re.compile(r"# (?P<path>[\w/]+)\.py\n")

#: What MyST makes of these is seen by the build of the documentation, whose warnings are errors.
DIRECTIVES = {"{toctree}", "{include}", "{eval-rst}", "{warning}"}

#: Pages about an account on API v3.
PAGES_ON_V3 = {"checkout-v3.md"}

PAGES_WITH_PYTHON = [page for page in PAGES if any(block.language == "python" for block in blocks_of(page))]


def move_to_the_api_of(page: Path, settings: Any) -> None:
    """Let the site speak the API that a page is about, and have the portals that pages name."""
    settings.PLENIGO_PORTALS = PORTALS
    if page.name in PAGES_ON_V3:
        settings.PLENIGO = {"default": {**test_settings.PLENIGO["default"], "API": "v3", "PRODUCTS": PRODUCTS}}


PORTALS = {
    "okepay": {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox"},
    "2checkout": {
        "BACKEND": "django_plenigo.protocols.twocheckout.TwoCheckout",
        "MODE": "live",
        "MERCHANT": "MERCHANT1",
        "SECRET_KEY": "made-up-for-the-test",
        "CUSTOM_DOMAIN": "store.example.com",
    },
}

#: What the sandbox sells, by its names of API v3.
PRODUCTS = {
    name: {"offer_id": identifiers.offer_id_of(name), "access_right_id": identifiers.access_right_id_of(name)}
    for name in seed.PRODUCTS
}


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
    if any(name in targets for name in (*SITE_SETTINGS, "PLENIGO_PORTALS", "SECURE_CSP", "SILENCED_SYSTEM_CHECKS")):
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
    if databases := values.pop("DATABASES", None):  # which the tests cannot connect to
        assert all(connection.get_connection_params() for connection in ConnectionHandler(databases).all())
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
def test_python_of_a_page_runs(path, sandbox, user, request, monkeypatch, settings):
    move_to_the_api_of(path, settings)
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
            site_names = {"admin": admin, "path": url_path, "urlpatterns": []}  # as in a project that Django makes
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
@pytest.mark.parametrize(("path", "block"), all_blocks(*TEMPLATES))
def test_template_of_a_page_renders(path, block, signed_in, request, settings):
    options = {**django_settings.TEMPLATES[0]["OPTIONS"], "string_if_invalid": MISSING("%s")}
    engine = DjangoTemplates({"NAME": "docs", "DIRS": [], "APP_DIRS": True, "OPTIONS": options})
    article = SimpleNamespace(title="The night ferry", teaser="First.", body="All.", product_ids=["P_MONTHLY"])

    def view(web_request):
        context = {"article": article, "product_ids": article.product_ids, "using": conf.DEFAULT_ACCOUNT}
        return HttpResponse(engine.from_string(block.text).render(context, web_request))

    web_request = RequestFactory().get("/article/")
    web_request.user = request.getfixturevalue("reader") if signed_in else AnonymousUser()
    move_to_the_api_of(path, settings)
    text = PrivateResponseMiddleware(view)(web_request).content.decode()
    assert MISSING("").rstrip("]") not in text


# ---- other languages -------------------------------------------------------------------------------------------

#: Each of these runs, in this module or in its neighbours.
RUN = {"python", *TEMPLATES, *SHELL}


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
        # What runs is chosen by the very same comparison: a word more, and a block would be passed over.
        is_directive = block.language.partition(" ")[0] in DIRECTIVES
        assert is_directive or block.language in RUN | PARSERS.keys(), f"line {block.line}: an unknown language"
        PARSERS.get(block.language, str)(block.text)


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_no_page_has_a_fence_of_colons_which_would_be_printed_as_it_stands(path):
    assert re.findall(r"^ *:{3,}.*$", (ROOT / path).read_text(encoding="utf-8"), re.M) == []
