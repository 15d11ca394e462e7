"""The vendor's OpenAPI document, which is not part of the project, and the places where it is wrong."""

import copy
import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PATH = Path(os.environ.get("PLENIGO_OPENAPI") or ROOT.parent / "shared" / "protocols" / "plenigo-v3.openapi.json")

FORMAT_KINDS = {"format-contradicts-example", "format-contradicts-prose"}
STATUS_KINDS = {"status-missing", "status-suspected"}


def read_document() -> dict[str, Any]:
    """Return the document as the vendor publishes it. Raises `FileNotFoundError`."""
    return json.loads(PATH.read_text(encoding="utf-8"))


def without_defects(document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy with its known defects mended. Source: docs/protocols/plenigo-v3.md 10."""
    mended = copy.deepcopy(document)
    for defect in mended.pop("x-known-defects"):
        parts = [part.replace("~1", "/").replace("~0", "~") for part in defect["pointer"].split("/")[1:]]
        if defect["kind"] in STATUS_KINDS:
            responses = at(mended, parts)
            for status in defect["names"]:
                responses.setdefault(status, error_response())
        elif defect["kind"] in FORMAT_KINDS:
            del at(mended, parts[:-1])[parts[-1]]
        else:
            names = at(mended, parts)
            names[:] = [name for name in names if name not in defect["names"]]
    return mended


def at(document: Any, parts: list[str]) -> Any:
    """Return what a JSON pointer points at."""
    for part in parts:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def error_response() -> dict[str, Any]:
    """Return a response with the vendor's form of an error."""
    schema = {"$ref": "#/components/schemas/ErrorResult"}
    return {"description": "", "content": {"application/json": {"schema": schema}}}
