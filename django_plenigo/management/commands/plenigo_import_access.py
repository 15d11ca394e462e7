"""`manage.py plenigo_import_access`: import a file of access ids."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from django_plenigo import conf
from django_plenigo.management.file_imports import FileImportCommand


class Command(FileImportCommand):
    """Give customers of an account the access ids of a file. The exit codes are those of `FileImportCommand`."""

    help = (
        "Imports a CSV or XLSX file of access ids. The good lines are imported in chunks, which a crash leaves whole "
        "or undone; the others are told with their numbers and reasons."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--using", default=conf.DEFAULT_ACCOUNT, help="Account, an alias in PLENIGO.")

    def destination_of(self, options: Mapping[str, Any]) -> dict[str, str]:
        """Return the account. Raises `CommandError` where there is none of this name."""
        using = options["using"]
        if using not in conf.accounts():
            known = ", ".join(conf.accounts())
            text = _("There is no account %(name)s in PLENIGO; known are: %(known)s.")
            raise CommandError(text % {"name": repr(using), "known": known})
        return {"using": using}
