"""Whether the vendors of the portals accept this site's credentials, asked without a reader and without a change."""

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_plenigo import backends, conf
from django_plenigo.budget import within
from django_plenigo.errors import AuthenticationError, ConfigurationError
from django_plenigo.protocols.base import CredentialProbe
from django_plenigo.services.portals.opening import outcome_of, told
from django_plenigo.services.portals.outcomes import Outcome
from django_plenigo.tracebacks import without_secrets


class Verdict(models.TextChoices):
    """What has come of asking. The labels are the developer's words, with %(error)s in place of what went wrong."""

    ACCEPTED = "accepted", _("the vendor accepts the credentials")
    REFUSED = (
        "refused",
        _("the vendor refuses the credentials (%(error)s): compare them with those in its merchant backend"),
    )
    WRONG_SETTING = "wrong_setting", _("a setting is wrong (%(error)s): run manage.py check")
    UNEXPECTED = (
        "unexpected",
        _("the vendor gave another answer than it should (%(error)s): look at the entry in PLENIGO_PORTALS"),
    )
    NO_ANSWER = "no_answer", _("the vendor does not answer (%(error)s): try again later")
    NOT_ASKED = "not_asked", _("its backend has no way to ask the vendor")


@dataclass(frozen=True, slots=True)
class Probed:
    """What a portal's vendor says of the credentials."""

    verdict: Verdict
    """In a word."""

    error: str = ""
    """What went wrong, without any secret; "" where nothing did."""

    @property
    def sentence(self) -> str:
        """What has come of it and what to do, in the language of now."""
        return str(self.verdict.label) % {"error": self.error}


@without_secrets
def check_credentials(portal: str) -> Probed:
    """Ask a portal's vendor whether it accepts the credentials of the settings. Nothing is written or changed.

    Whatever goes wrong is a verdict; nothing is raised.
    """
    entry = conf.PortalEntry(portal)
    try:
        backend = backends.portal(portal)
        if not isinstance(backend, CredentialProbe):
            return Probed(Verdict.NOT_ASKED)
        with within(entry.timeout_seconds):
            backend.check_credentials()
    except Exception as error:  # noqa: BLE001 - a backend of the site's own may fail in its own way
        return Probed(_verdict_of(error), told(error, entry))
    return Probed(Verdict.ACCEPTED)


def _verdict_of(error: Exception) -> Verdict:
    if isinstance(error, AuthenticationError):
        return Verdict.REFUSED
    if isinstance(error, ConfigurationError):
        return Verdict.WRONG_SETTING
    return Verdict.NO_ANSWER if outcome_of(error) is Outcome.UNAVAILABLE else Verdict.UNEXPECTED
