"""Every error has a plain meaning and a remedy."""

import json
import re
from pathlib import Path

import pytest
from django.utils.functional import Promise

from django_plenigo import errors
from django_plenigo.protocols.plenigo_v3.answers import BY_CODE, BY_STATUS, judge
from django_plenigo.services import customers
from django_plenigo.services.explanations import ASK_AGAIN, EXPLANATIONS, OTHER, explain, explain_error, explain_now
from django_plenigo.transport import Answer

#: What a refusal of API v3 becomes: class and word.
MEANINGS = {*BY_CODE.values(), *BY_STATUS.values()}

PACKAGE = Path(errors.__file__).parent

#: The roots are never raised by themselves; what an import, a binding or a delivery lacks is told at its own place.
ABSTRACT = {"PlenigoError", "RemoteError", "AccessImportError", "PortalBindingError", "SignatureError"}

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


def row_of(error):
    return next(row for row in EXPLANATIONS if row[0] == type(error).__name__ and row[1] in str(error))


@pytest.mark.parametrize(("error_class", "word"), sorted(MEANINGS, key=str))
def test_every_word_for_a_code_has_a_row_of_its_own(error_class, word):
    _, part, _ = row_of(error_class("plenigo", "any", status=400, code=word))
    if word:
        # That of the access token is the end of the word for an answer without a code.
        assert part
        assert word.endswith(part.removeprefix("code "))
    else:
        assert part == ""


def explained(code, status=400, operation="any"):
    """Return what an agent is told of an answer of API v3."""
    body = json.dumps({"errorCode": code, "errorMessage": "No."}).encode()
    error_class, word = judge(Answer(status, {"Content-Type": "application/json"}, body))
    told = explain_error(error_class("plenigo", operation, status=status, code=word))
    return f"{told.meaning} {told.remedy}"


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("code", [99008, 99009])
def test_access_token_is_blamed_where_it_is_refused_and_not_the_secret_of_the_other_api(code, status):
    assert "access token" in explained(code, status)
    assert "clock" not in explained(code, status)


@pytest.mark.parametrize("code", [20001, 20011, 20022, 20024, 20073])
def test_state_of_a_customer_is_not_mended_in_the_users_account(code):
    assert "customer" in explained(code)
    assert "user's account" not in explained(code)


@pytest.mark.parametrize("code", [90037, 40404, 21404, 90404])
def test_link_is_not_deleted_for_what_is_no_customer(code):
    assert "delete this link" not in explained(code, 404)
    assert "delete this link" in explained(20404, 404)


@pytest.mark.parametrize("code", [10402, 20402])
def test_part_that_is_not_booked_is_told_as_such(code):
    assert "not booked" in explained(code)


def test_new_address_that_is_taken_is_told_of_the_change():
    assert "new address belongs to another customer" in explained(20007, operation="change_email")


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
