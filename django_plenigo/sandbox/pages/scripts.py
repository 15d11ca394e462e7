"""Serve the stand-in for the vendor's script, and what its pages need, from the sandbox's own origin.

Not through the static files of the site: the script's address carries the company, and the pages must work on a site
that serves its static files from elsewhere.
"""

import json
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import conditional_page, require_safe

from ..companies import find_company
from ..guard import guarded
from .framing import LANGUAGES, PROBLEMS

FOLDER = Path(__file__).resolve().parent.parent / "static" / "plenigo_sandbox"

#: What `show_asset` serves, and as what.
ASSETS = {"checkout.css": "text/css; charset=utf-8", "pages.js": "text/javascript; charset=utf-8"}

#: The place in the script that takes the sentences.
TEXTS_MARK = '"PLENIGO_SANDBOX_TEXTS"'


def texts() -> dict[str, str]:
    """Return the few sentences that the script itself shows, in the present language."""
    return {
        "checkout": _("Checkout"),
        "login": _("Log in"),
        "registration": _("Register"),
        "password": _("Forgotten password"),
        "selfService": _("Self service"),
        "close": _("Close"),
        "element": str(PROBLEMS["element"]),
        "address": _("The address of this page, or that of returnUrl, has more than 220 characters."),
        "twoFactor": _("The sandbox has no second factor: of displaySettings.SSO.twoFactor it knows HIDE only."),
        "unreachable": _(
            "The sandbox's page does not answer at ORIGIN. Is the sandbox running, and does this page's "
            "Content-Security-Policy allow that address in frame-src?"
        ),
    }


@guarded
@login_not_required
@require_safe
@conditional_page
def show_script(request: HttpRequest, company_id: str) -> HttpResponse:
    """Serve the script for one company, with its sentences in every language that it speaks.

    Before May 2025 API v3's had this address, too, with an attribute `data-companyId` (docs/protocols/plenigo-v3.md 8).
    So both are served: the tag decides which of them runs.
    """
    if find_company(company_id) is None:
        raise Http404
    return _revalidated(_with_texts("plenigo_sdk.js") + _with_texts("frisbii_media.js"), ASSETS["pages.js"])


@guarded
@login_not_required
@require_safe
@conditional_page
def show_script_of_v3(request: HttpRequest) -> HttpResponse:
    """Serve the script of API v3: an attribute of its tag says which company it is for."""
    return _revalidated(_with_texts("frisbii_media.js"), ASSETS["pages.js"])


@guarded
@login_not_required
@require_safe
@conditional_page
def show_asset(request: HttpRequest, name: str) -> HttpResponse:
    """Serve one of the files that the framed pages load."""
    if name not in ASSETS:
        raise Http404
    return _revalidated(read_file(name), ASSETS[name])


def _with_texts(name: str) -> str:
    """Return a script with its sentences in every language that it speaks."""
    spoken = {}
    for language in sorted(LANGUAGES):
        with translation.override(language):
            spoken[language] = texts()
    return read_file(name).replace(TEXTS_MARK, json.dumps(spoken))


def read_file(name: str) -> str:
    """Return the text of one of the sandbox's own static files."""
    return (FOLDER / name).read_text(encoding="utf-8")


def _revalidated(text: str, content_type: str) -> HttpResponse:
    response = HttpResponse(text, content_type=content_type)
    response["Cache-Control"] = "public, no-cache"  # keep it, but ask each time: an update shows at once
    response["X-Content-Type-Options"] = "nosniff"
    return response
