"""Keep the sandbox shut on a site that serves the public."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from . import conf

View = Callable[..., HttpResponse]


def guarded(view: View) -> View:
    """Answer 503 instead of calling the view while the sandbox is shut. For pages; the API has an answer of its own."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if conf.is_open():
            return view(request, *args, **kwargs)
        text = _("The plenigo sandbox is shut, because DEBUG is off. PLENIGO_SANDBOX can allow it.")
        return HttpResponse(text, status=503, content_type="text/plain; charset=utf-8")

    return page
