"""The vendor's own document of API v3, with its known defects mended. It is not part of this project."""

import copy
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

#: Where the document lies beside a checkout; PLENIGO_OPENAPI names another place.
BESIDE = Path(__file__).resolve().parent.parent.parent / "shared/protocols/plenigo-v3.openapi.json"

REASON = "plenigo's OpenAPI document of API v3 is not here: PLENIGO_OPENAPI names no file"


@lru_cache(maxsize=1)
def document() -> dict[str, Any] | None:
    """Return the document as the vendor meant it, None on a machine that has none. With CI=true it must be there."""
    path = Path(os.environ.get("PLENIGO_OPENAPI") or BESIDE)
    if not path.is_file():
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(REASON)
        return None
    return mended(json.loads(path.read_text(encoding="utf-8")))


def required_document() -> dict[str, Any]:
    """Return the document, or skip the test where there is none."""
    found = document()
    if found is None:
        pytest.skip(REASON)
    return found


def mended(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a copy in which the known defects, which the document lists at its root, do not stand any more."""
    fixed = copy.deepcopy(raw)
    for defect in fixed["x-known-defects"]:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in defect["pointer"].split("/")[1:]]
        place: Any = fixed
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        if defect["kind"] == "required-name-without-property":
            place[last] = [name for name in place[last] if name not in defect["names"]]
        elif defect["kind"].startswith("format-"):
            del place[last]
        else:  # a status that is missing
            for status in defect["names"]:
                place[last].setdefault(status, {"description": "Not in the document, but told elsewhere."})
    return fixed
