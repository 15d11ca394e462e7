"""The tables of the documentation name what the code has: no more, no less."""

import ast
import configparser
import inspect
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import BaseCommand, call_command, get_commands, load_command_class
from django.db.backends.base.base import BaseDatabaseWrapper
from django.dispatch import Signal
from django.utils.functional import Promise

from django_plenigo import conf, errors, signals
from django_plenigo.management.commands import plenigo_check_portals, plenigo_link_users, plenigo_sync
from django_plenigo.models import RemoteChange
from django_plenigo.protocols import base
from django_plenigo.protocols.okepay import OkePay
from django_plenigo.protocols.plenigo_v2 import PlenigoV2
from django_plenigo.protocols.plenigo_v3 import PlenigoV3
from django_plenigo.protocols.plenigo_v3.answers import BY_CODE
from django_plenigo.protocols.plenigo_v3.callbacks import PlenigoCallbacks
from django_plenigo.protocols.twocheckout import TwoCheckout
from django_plenigo.sandbox import conf as sandbox_conf
from django_plenigo.sandbox import seed
from django_plenigo.sandbox.testing import Sandbox
from django_plenigo.services import portals
from django_plenigo.services.explanations.codes import OF_WORDS
from django_plenigo.services.portals.accounts import PROBLEMS
from django_plenigo.templatetags import plenigo as tags
from django_plenigo.templatetags import portal_tags
from django_plenigo.views.portals import STATUSES
from tests.test_architecture import FLOORS, SERVICES_IN_ORDER

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "django_plenigo"

KINDS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "text, also a lazy one": (str, Promise),
    "text or list of texts": (str, list, tuple),
    "dotted path": (str,),
    "dictionary": (dict,),
    "true or false": (bool,),
    "number": (int, float),
    "whole number": (int,),
    "list of networks": (list, tuple),
    "list of names": (list, tuple),
    "list of secrets": (list, tuple),
}


def tables(page: str, head: str) -> list[list[str]]:
    """Return the rows of all tables of a page whose first column has this head; code loses its backticks."""
    rows: list[list[str]] = []
    is_wanted = False
    for line in (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            is_wanted = False
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[0] == head:
            is_wanted = True
        elif is_wanted and not set(cells[0]) <= set(":-"):
            rows.append([cells[0].strip("`"), *cells[1:]])
    assert rows, f"{page}.md has no such table"
    return rows


def names_of(rows: list[list[str]]) -> list[str]:
    return [row[0] for row in rows]


def first_code(page: str, head: str) -> set[str]:
    """Return all that stands in backticks in the first column, without arguments."""
    text = " ".join(f"`{row[0]}`" for row in tables(page, head))
    return {re.match(r"\w*", code)[0] for code in re.findall(r"`([^`]+)`", text)}


def options_of(app: str, command: str) -> set[str]:
    """Return the options of a command that not every command has."""
    of_every_command = BaseCommand().create_parser("manage.py", command)._option_string_actions
    return set(parser_options(app, command)) - set(of_every_command)


def parser_options(app: str, command: str) -> dict[str, object]:
    options: dict[str, object] = (
        load_command_class(app, command).create_parser("manage.py", command)._option_string_actions
    )
    return options


# ---- settings --------------------------------------------------------------------------------------------------


def test_settings_page_lists_every_key_with_its_default_and_no_other():
    told = {name: cells[2].strip("`") for name, *cells in tables("settings", "Key")}
    defaults = {name: option.default for name, option in conf.OPTIONS.items()} | sandbox_conf.OPTIONS
    assert {name: None if text == "required" else ast.literal_eval(text) for name, text in told.items()} == defaults


def test_settings_page_tells_every_type_and_unit():
    for name, kind, unit, *_ in tables("settings", "Key"):
        if name in conf.OPTIONS:
            assert KINDS[kind] == conf.OPTIONS[name].kind, name
        assert (unit == "seconds") == name.endswith("_SECONDS")
        assert (unit == "per minute") == name.endswith("_PER_MINUTE")


def defaults_of(rows: list[list[str]], column: int) -> dict[str, object]:
    """Return the defaults that a table tells by key."""
    told = {row[0]: row[column].strip("`") for row in rows}
    return {name: None if text == "required" else ast.literal_eval(text) for name, text in told.items()}


def test_settings_page_lists_every_key_of_a_portal_with_its_default_type_and_unit():
    rows = tables("settings", "Key of a portal")
    assert defaults_of(rows, 3) == {name: option.default for name, option in conf.PORTAL_OPTIONS.items()}
    units = {"_SECONDS": "seconds", "_DAYS": "days"}
    for name, kind, unit, *_ in rows:
        assert KINDS[kind] == conf.PORTAL_OPTIONS[name].kind, name
        assert unit == next((word for end, word in units.items() if name.endswith(end)), ""), name


@pytest.mark.parametrize("backend", [OkePay, TwoCheckout])
def test_settings_page_lists_every_key_of_a_backend_with_its_default_and_type(backend):
    rows = tables("settings", f"Key of `{backend.__name__}`")
    assert defaults_of(rows, 2) == {name: option.default for name, option in backend.options.items()}
    for name, kind, *_ in rows:
        assert KINDS[kind] == backend.options[name].kind, name


def test_portals_page_tells_every_outcome_and_every_code_of_a_refusal():
    assert names_of(tables("portals", "Outcome")) == portals.Outcome.values
    statuses = {name: int(status) for name, *_, status in tables("portals", "Outcome")}
    assert statuses == {"opened": 303, **{outcome.value: status for outcome, status in STATUSES.items()}}
    text = (ROOT / "docs/portals.md").read_text()
    assert [code for code in PROBLEMS if f"`{code}`" not in text] == []


def test_settings_page_tells_the_hosts():
    told = {mode: [cell.strip("`") for cell in cells] for mode, *cells in tables("settings", "Mode")}
    assert told.keys() == conf.HOSTS.keys()
    for mode in ("live", "stage"):
        assert told[mode] == list(conf.HOSTS[mode].values())


def test_every_choice_of_a_setting_is_told():
    text = (ROOT / "docs/settings.md").read_text()
    choices = [choice for option in conf.OPTIONS.values() for choice in option.choices]
    assert [choice for choice in choices if f'`"{choice}"`' not in text] == []
    assert {name.strip('"') for name in names_of(tables("access", "`ON_OUTAGE`"))} == set(conf.ON_OUTAGE)


# ---- template tags ---------------------------------------------------------------------------------------------


def test_every_tag_is_listed():
    assert set(names_of(tables("template-tags", "Tag"))) == set(tags.register.tags)


def test_every_option_of_a_tag_is_listed():
    told = names_of(tables("template-tags", "Option"))
    # Without the arguments that have no name, which are told in sentences.
    assert set(told) == {*tags.BUTTON_OPTIONS, *tags.SNIPPET_OPTIONS, *PORTAL_OPTIONS}
    # Of plenigo_sdk, plenigo_snippet and plenigo_portal_button too.
    assert {name for name in told if told.count(name) > 1} == {"using", "element_id", "css_class", "label"}


PORTAL_OPTIONS = {*portal_tags.LIST_OPTIONS, *portal_tags.BUTTON_OPTIONS}


def test_every_template_is_listed():
    there = {f"plenigo/{path.name}" for path in (PACKAGE / "templates/plenigo").iterdir()}
    assert set(names_of(tables("template-tags", "Template"))) == there


# ---- checks, errors, signals -----------------------------------------------------------------------------------


def test_every_check_is_listed_with_its_level():
    levels = {"E": "error", "W": "warning", "I": "info"}
    told = {name: level for name, level, *_ in tables("checks", "Id")}
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    there = set(re.findall(r'"(plenigo(?:_sandbox)?\.[EWI]\d{3})"', source))
    assert told == {name: levels[name.rpartition(".")[2][0]] for name in there}


def test_every_error_is_listed_with_its_base_and_whether_to_try_again():
    told = {name: (parent.strip("`"), retryable) for name, parent, retryable, *_ in tables("errors", "Error")}
    there = {}
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.PlenigoError):
            is_remote = issubclass(kind, errors.RemoteError)
            retryable = ("yes" if kind.retryable else "no") if is_remote else ""
            there[name] = (kind.__bases__[-1].__name__, retryable)
    assert told == there


def test_words_for_the_vendors_codes_are_told_with_what_an_agent_is_told():
    there = []
    for name, word, explanation in OF_WORDS:
        codes = [str(code) for code, (kind, its_word) in BY_CODE.items() if (kind.__name__, its_word) == (name, word)]
        if word == base.MODULE_NOT_BOOKED:
            codes = ["all that end in 402"]
        there.append([word, f"`{name}`", ", ".join(codes), str(explanation.meaning), str(explanation.remedy)])
    assert tables("errors", "`code`") == there


def test_every_signal_is_listed():
    there = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert set(names_of(tables("signals", "Signal"))) == there


# ---- commands and the sandbox ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "app", "command"),
    [
        ("linking", "django_plenigo", "plenigo_link_users"),
        ("sandbox", "django_plenigo.sandbox", "plenigo_sandbox_buy"),
    ],
)
def test_every_option_of_a_command_is_listed(document, app, command):
    assert set(names_of(tables(document, "Option"))) == options_of(app, command)


COMMANDS = {name: app for name, app in get_commands().items() if str(app).startswith("django_plenigo")}


def test_every_command_is_listed():
    assert set(names_of(tables("commands", "Command"))) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_is_listed(command):
    told = names_of(tables("commands", f"Option of `{command}`"))
    assert set(told) == options_of(COMMANDS[command], command)


@pytest.mark.parametrize(
    ("command", "codes"),
    [
        ("plenigo_sync", {0, plenigo_sync.STOPPED, plenigo_sync.REFUSED, plenigo_sync.BEHIND}),
        (
            "plenigo_link_users",
            {0, plenigo_link_users.STOPPED, plenigo_link_users.LEFTOVERS, plenigo_link_users.LIMITED},
        ),
        ("plenigo_check_portals", {0, plenigo_check_portals.MEND, plenigo_check_portals.NO_ANSWER}),
    ],
)
def test_every_exit_code_of_a_command_is_listed(command, codes):
    assert {int(name) for name in names_of(tables("commands", f"Exit code of `{command}`"))} == codes


def test_every_number_of_the_check_is_listed(db):
    out = StringIO()
    call_command("plenigo_sync", "--check", "--json", stdout=out)
    assert set(names_of(tables("operations", "Number"))) == set(json.loads(out.getvalue())["default"])


def test_every_message_of_the_log_is_one():
    ours = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    djangos = Path(inspect.getfile(BaseDatabaseWrapper)).read_text()
    for messages, _, logger in tables("operations", "Message"):
        for message in re.findall(r"[^`]+", messages.replace("`, `", "`")):
            source = djangos if "django.db" in logger else ours
            parts = [part.strip() for part in message.split("...") if part.strip()]
            assert [part for part in parts if part not in source] == []


def test_every_exit_code_is_listed():
    codes = {0, plenigo_link_users.STOPPED, plenigo_link_users.LEFTOVERS, plenigo_link_users.LIMITED}
    assert {int(name) for name in names_of(tables("linking", "Exit code"))} == codes


def test_every_product_of_the_sandbox_is_listed_with_its_price():
    told = {product_id: price for product_id, _, price in tables("sandbox", "Product id")}
    assert told == {product_id: f"{values['price']} EUR" for product_id, (_, values) in seed.PRODUCTS.items()}


def test_everything_that_tests_can_ask_the_sandbox_is_listed(db):
    assert first_code("sandbox", "Name") == {name for name in dir(Sandbox()) if not name.startswith("_")}


# ---- architecture ----------------------------------------------------------------------------------------------


def test_floors_are_those_of_the_test():
    told = {int(floor): set(re.findall(r"`(\w+)`", rooms)) for floor, rooms in tables("architecture", "Floor")}
    assert told == dict(enumerate(FLOORS, 1))


def test_services_are_listed_in_their_order():
    assert names_of(tables("architecture", "Service")) == SERVICES_IN_ORDER


def test_kinds_of_changes_are_listed_in_the_order_in_which_they_are_sent():
    assert names_of(tables("architecture", "Kind")) == RemoteChange.Kind.values


def test_interfaces_are_those_of_the_protocols():
    told = {name: set(re.findall(r"`(\w+)`", verbs)) for name, verbs, *_ in tables("architecture", "Interface")}
    kinds = inspect.getmembers(base, inspect.isabstract)
    there = {name: kind.__abstractmethods__ for name, kind in kinds if kind.__module__.startswith(base.__name__)}
    assert told == there


def test_interfaces_tell_which_generation_serves_them():
    clients = {"v2": [PlenigoV2], "v3": [PlenigoV3, PlenigoCallbacks], "2Checkout": [TwoCheckout], "OkePay": [OkePay]}
    for name, _, *marks in tables("architecture", "Interface"):
        need = getattr(base, name)
        there = ["x" if any(issubclass(kind, need) for kind in kinds) else "" for kinds in clients.values()]
        assert marks == there, name


def test_every_tox_environment_is_listed():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    default = {name.strip() for name in parser["tox"]["env_list"].split(",")}
    named = {section[8:] for section in parser.sections() if section.startswith("testenv:")}
    assert first_code_with_dashes("contributing", "Environment") == default | named


def first_code_with_dashes(page: str, head: str) -> set[str]:
    return set(re.findall(r"[\w-]+", " ".join(names_of(tables(page, head)))))
