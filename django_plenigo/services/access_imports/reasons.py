"""Why lines are not imported, in words that are found when they are read."""

from django.db import models
from django.db.models import Count
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_plenigo.models import AccessImport, AccessImportLine
from django_plenigo.services.access_ids import Reason
from django_plenigo.services.access_imports.lines import bad_lines


class ReferenceReason(models.TextChoices):
    """Why a line of a portal's file is not imported, beside what `Reason` has for any file."""

    TOO_LONG = "reference_too_long", _("is longer than 250 characters")
    NOT_THE_VENDORS = (
        "not_the_vendors",
        _(
            "the portal's vendor has no such reference: look for zeros in front, and whether it belongs into reference "
            "or into external_reference"
        ),
    )
    NO_USER = "no_user", _("this site has no such user")
    UNVERIFIED = (
        "unverified_email",
        _("this site has not verified that the address is the user's: have her verify it, or name her by user_id"),
    )
    AMBIGUOUS = "ambiguous_user", _("several users of this site have this")
    NO_REFERENCE = "no_reference", _("the line has no reference")
    # The words of these are those with which `services.portals` refuses to bind by a webhook or by hand.
    OF_ANOTHER_USER = "of_another_user", _("is another user's at this portal: take it away from that one first")
    USER_HAS_ANOTHER = (
        "user_has_another",
        _("is not the one that this user has at this portal: an agent has to decide which is right"),
    )
    TAKEN_AWAY = "taken_away", _("was taken away from this user by an agent: only an agent gives one back")
    OTHER_KIND = (
        "reference_of_other_kind",
        _("is the user's reference already, but of the other kind: one of reference and external_reference is wrong"),
    )
    SAME_USER = "same_user", _("the same user stands in line %(line)d already")


#: The sentence of every reason.
SENTENCES: dict[str, str | Promise] = {
    reason.value: reason.label for kind in (Reason, ReferenceReason) for reason in kind
}

#: The reasons that name another line, of many lines at once.
OF_MANY_LINES: dict[str, str | Promise] = {
    Reason.SAME_VALUE: _("stands in another line already"),
    Reason.SAME_CUSTOMER: _("the same customer stands in another line already"),
    ReferenceReason.SAME_USER: _("the same user stands in another line already"),
}


def sentence_of(line: AccessImportLine) -> str:
    """Return why a line was not imported, in the language of now."""
    if line.reason not in SENTENCES:
        return line.reason  # of a later release
    return str(SENTENCES[line.reason]) % {"line": line.other_line or 0}


def count_reasons(access_import: AccessImport) -> list[tuple[str, int]]:
    """Return why lines of an import are bad, in the language of now, and how many: the most frequent reason first."""
    rows = bad_lines().filter(access_import=access_import).values("reason").annotate(count=Count("pk"))
    return [(_sentence_of_many(row["reason"]), row["count"]) for row in rows.order_by("-count", "reason")]


def _sentence_of_many(reason: str) -> str:
    return str(OF_MANY_LINES.get(reason) or SENTENCES.get(reason, reason))  # itself, of a later release
