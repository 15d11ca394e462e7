"""`manage.py plenigo_check_portals`: ask the portals' vendors whether they accept the credentials of the settings."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from django_plenigo import conf
from django_plenigo.services.portals import Verdict, check_credentials

#: The exit codes where not all is well; the first that fits counts.
MEND, NO_ANSWER = 1, 2

TO_MEND = frozenset({Verdict.REFUSED, Verdict.WRONG_SETTING, Verdict.UNEXPECTED})


class Command(BaseCommand):
    """Say of each portal whether its vendor accepts the credentials. Shows no secret, and changes nothing."""

    help = (
        "Asks the vendor of each portal of PLENIGO_PORTALS whether it accepts the credentials of the settings. Nothing "
        "is changed, and no secret is shown. Ends with 1 where something is to be mended, with 2 where a vendor does "
        "not answer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--portal", help="Only this one, a name in PLENIGO_PORTALS.")

    def handle(self, **options: Any) -> None:
        """Ask one after the other, and say what each has answered."""
        portal, known = options["portal"], conf.portals()
        if portal is not None and portal not in known:
            text = _("There is no portal %(name)s in PLENIGO_PORTALS; known are: %(known)s.")
            raise CommandError(text % {"name": repr(portal), "known": ", ".join(known) or "–"})
        if not known:
            self.stdout.write(_("There are no portals in PLENIGO_PORTALS."))
        verdicts = {self._asked(each) for each in (known if portal is None else [portal])}
        if verdicts & TO_MEND:
            sys.exit(MEND)
        if Verdict.NO_ANSWER in verdicts:
            sys.exit(NO_ANSWER)

    def _asked(self, portal: str) -> Verdict:
        """Ask one vendor, say what it has answered, and return it."""
        found = check_credentials(portal)
        is_well = found.verdict in (Verdict.ACCEPTED, Verdict.NOT_ASKED)
        (self.stdout if is_well else self.stderr).write(f"{portal}: {found.sentence}")
        return found.verdict
