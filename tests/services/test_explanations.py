"""Every error has a plain meaning and a remedy."""

import re
from pathlib import Path

import pytest
from django.utils.functional import Promise

from django_plenigo import errors
from django_plenigo.services import customers
from django_plenigo.services.explanations import ASK_AGAIN, EXPLANATIONS, OTHER, explain, explain_error, explain_now

PACKAGE = Path(errors.__file__).parent

#: The roots are never raised by themselves, and an import is told at its own field or line.
ABSTRACT = {"PlenigoError", "RemoteError", "AccessImportError", "SignatureError"}

CLASSES = [
    error
    for name, error in vars(errors).items()
    if isinstance(error, type) and issubclass(error, errors.PlenigoError) and name not in ABSTRACT
]


@pytest.mark.parametrize("error_class", CLASSES, ids=lambda error_class: error_class.__name__)
def test_every_error_of_the_package_has_words_of_its_own(error_class):
    assert explain(error_class.__name__, "") is not OTHER


def test_what_is_no_error_of_the_package_is_laid_to_the_sites_own_code():
    assert explain_error(RuntimeError("anything")) is OTHER


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.ConflictError("plenigo", "change_email", status=409), "new address belongs to another customer"),
        (errors.ConflictError("plenigo", "import_access_ids", status=409), "One of the access IDs belongs"),
        (errors.ConflictError("plenigo", "register_user", status=409), "belongs to another customer"),
        (errors.AuthenticationError("plenigo", "x", status=401), "company ID and secret"),
        (errors.AuthenticationError("plenigo", "x", status=403), "customers of its own"),
        (errors.NoAnswerError("plenigo", "x", code="no time left"), "no time left"),
        (errors.NoAnswerError("plenigo", "x", code=customers.USER_IS_LOCKED), "in a transaction that takes its time"),
        (errors.RejectedError("plenigo", "x", status=400, code="invalid email"), "does not accept the e-mail address"),
        (errors.InvalidValueError("email", "the user has no e-mail address"), "cannot make a customer of this user"),
    ],
    ids=str,
)
def test_errors_of_one_class_are_told_apart_by_what_they_say(error, words):
    assert words in str(explain_error(error).meaning)


def test_every_conflict_that_this_package_finds_itself_has_words_of_its_own():
    sources = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "services").rglob("*.py"))
    codes = set(re.findall(r'ConflictError\([^)]*code="([^"]+)"', sources)) | set(
        re.findall(r' code = "([^"]+)"', sources)
    )
    assert codes
    general = explain("ConflictError", "")
    assert [code for code in codes if explain("ConflictError", f"plenigo.x, code {code}") is general] == []


def test_every_row_can_be_reached():
    rows = [(name, part) for name, part, _ in EXPLANATIONS]
    assert [explain(name, part) for name, part in rows] == [explanation for _, _, explanation in EXPLANATIONS]


def test_question_that_an_agent_waits_for_is_not_said_to_be_tried_again_by_itself():
    error = errors.NoAnswerError("plenigo", "has_bought")
    assert "by itself" in str(explain_error(error).remedy)
    assert explain_now(error).remedy is ASK_AGAIN


def test_every_text_is_translated_when_it_is_shown():
    texts = [text for _, _, explanation in EXPLANATIONS for text in (explanation.meaning, explanation.remedy)]
    assert all(isinstance(text, Promise) for text in texts)
