"""Why an import has failed, in words that are found when they are read: who worked on it spoke no reader's language."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_plenigo.models import AccessImport
from django_plenigo.services.access_imports.leases import MOST_ATTEMPTS
from django_plenigo.services.access_imports.text_files import LONGEST_LINE


class Failure(models.TextChoices):
    """What has ended an import, by the code of its `AccessImportError` where there was one."""

    QUOTES = (
        "quotes",
        _("The file cannot be read from line %(line)d on: look for a quote that is not closed or stands in a cell."),
    )
    LONG_LINE = "long_line", _("Line %(line)d has more than %(most)d characters.")
    DAMAGED = (
        "damaged",
        _("The file is damaged, or no XLSX file: open it in the program that made it, and save it again."),
    )
    TOO_MANY_ROWS = (
        "too_many_rows",
        _("The sheet has too many empty lines before line %(line)d: copy its lines to a new one."),
    )
    GIVEN_UP = (
        "given_up",
        _("The work on this file has broken off %(attempts)d times. Tell the developers, then upload the file again."),
    )
    OWN_MISTAKE = (
        "own_mistake",
        _("This site has made a mistake with the file. Tell the developers: the log names the kind of it."),
    )


def failure_of(access_import: AccessImport) -> str:
    """Return why an import has failed, as a sentence in the language of now; "" where it has not."""
    if access_import.last_error_type not in Failure.values:
        return access_import.last_error  # of another release
    values = {
        "line": access_import.last_error_line or 0,
        "most": LONGEST_LINE,
        "attempts": MOST_ATTEMPTS,
    }
    return str(Failure(access_import.last_error_type).label) % values
