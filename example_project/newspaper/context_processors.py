"""What every page of the newspaper shows."""

from typing import Any

from django.http import HttpRequest

from newspaper.models import Article

#: A name is not translated.
NAME = "The Linden Post"


def newspaper(request: HttpRequest) -> dict[str, Any]:
    """Return the newspaper's name, its sections, and the page that a log-in comes back to."""
    return {"newspaper_name": NAME, "sections": Article.Section, "way_back": request.get_full_path()}
