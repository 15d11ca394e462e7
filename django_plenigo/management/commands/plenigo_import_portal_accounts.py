"""`manage.py plenigo_import_portal_accounts`: import a file of a portal's references."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from django_plenigo import conf
from django_plenigo.management.file_imports import FileImportCommand


class Command(FileImportCommand):
    """Bind users of this site to the references of a file. The exit codes are those of `FileImportCommand`."""

    help = (
        "Imports a CSV or XLSX file of the references by which a portal's vendor knows the users of this site. A "
        "reference that is there already is never moved. The good lines are imported in chunks, which a crash leaves "
        "whole or undone; the others are told with their numbers and reasons."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--portal", required=True, help="Whose references they are, a name in PLENIGO_PORTALS.")

    def destination_of(self, options: Mapping[str, Any]) -> dict[str, str]:
        """Return the portal. Raises `CommandError` where there is none of this name."""
        portal = options["portal"]
        if portal not in conf.portals():
            known = ", ".join(conf.portals()) or "–"
            text = _("There is no portal %(name)s in PLENIGO_PORTALS; known are: %(known)s.")
            raise CommandError(text % {"name": repr(portal), "known": known})
        return {"portal": portal}
