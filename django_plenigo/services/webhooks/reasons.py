"""What came of a delivery, in words: why it was refused, what was done, and what to do about it."""

from collections.abc import Mapping
from typing import NamedTuple

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_plenigo.protocols import base

Words = str | Promise


class Reason(models.TextChoices):
    """What came of a delivery, a word each; what was refused for its signature has the reader's own word."""

    # ---- refused at the door
    TOO_LARGE = "too_large", _("It is larger than this site takes.")
    CONTENT_TYPE = "content_type", _("It came in a format in which this vendor does not deliver.")
    NO_LENGTH = "no_length", _("It did not say how long it is, and the web server does not tell where it ends.")
    INCOMPLETE = "incomplete", _("It broke off before its end.")
    EMPTY = "empty", _("It was empty.")
    MALFORMED = "malformed", _("Its signature is right, but it cannot be read.")
    ALTERED = "altered", _("It repeats another delivery with something changed that no signature covers.")
    NOT_CONFIGURED = "not_configured", _("This site has nothing by which it could be proved who sent it.")
    OWN_MISTAKE = "own_mistake", _("This site has made a mistake with it.")

    # ---- worked on: a portal's customer
    BOUND = "bound", _("The reader is known at the portal now.")
    ALREADY_BOUND = "already_bound", _("The reader was known at the portal before.")
    NO_REFERENCE = "no_reference", _("The purchase brought no reference of this site.")
    UNKNOWN_REFERENCE = "unknown_reference", _("The purchase brought a reference that this site has not issued.")
    NOT_VALID = "not_valid", _("The purchase is not paid, not active, or was taken back.")
    NO_EMAIL = "no_email", _("The vendor has no e-mail address of the customer to compare.")
    UNVERIFIED_EMAIL = "unverified_email", _("This site has not verified the reader’s e-mail address.")
    OTHER_EMAIL = "other_email", _("The customer has another e-mail address at the vendor than the reader here.")
    HAS_ANOTHER = "has_another", _("The reader is another customer of this portal already.")
    TAKEN = "taken", _("The customer is another reader of this site already.")
    TAKEN_AWAY = "taken_away", _("An agent has taken this portal’s customer away from the reader.")
    UNREADABLE = "unreadable", _("The vendor’s id of the customer is none that can be kept.")
    NOT_CONFIRMED = "not_confirmed", _("Nothing signed it, and the vendor knows nothing of it.")

    # ---- worked on: a customer of plenigo
    REFRESHED = "refreshed", _("plenigo has another e-mail address of the customer than it was told.")
    CUSTOMER_GONE = "customer_gone", _("plenigo has this customer no more.")
    IN_STEP = "in_step", _("What was kept of the reader’s access is asked anew. Everything else is in step.")
    NOT_LINKED = "not_linked", _("The customer is no reader of this site.")
    NOTHING = "nothing", _("It tells nothing that matters here.")

    # ---- failed
    GIVEN_UP = "given_up", _("It was tried too often in vain.")
    REJECTED = "rejected", _("The vendor has refused to be asked about it.")


#: What may come out otherwise at a further try: readers verify their addresses, and change them to the one that they
#: have paid with; a vendor's webhook may be ahead of its API.
MAY_CHANGE = frozenset({Reason.UNVERIFIED_EMAIL, Reason.OTHER_EMAIL, Reason.NOT_CONFIRMED})

MOST_DO_NOTHING = _("Nothing is to be done.")
DELIVERED_AGAIN = _("The vendor delivers it again by itself; else have it do so in its merchant backend.")
TELL_DEVELOPERS = _("Tell the developers; the log names the kind of the error.")
BY_HAND = _("Where it is right all the same, enter the vendor’s reference at the reader’s portal account by hand.")

REMEDIES: Mapping[str, Words] = {
    Reason.TOO_LARGE: _("A vendor’s own deliveries are smaller: somebody else may have sent it."),
    Reason.CONTENT_TYPE: _("Choose one of the formats named below in the vendor’s merchant backend."),
    Reason.NO_LENGTH: _("Let the web server pass requests on with their length: see “Webhooks” in the documentation."),
    Reason.INCOMPLETE: DELIVERED_AGAIN,
    Reason.EMPTY: _("A vendor’s own deliveries are never empty: somebody may be trying the address."),
    Reason.MALFORMED: _("Tell the developers: the vendor may have changed what it delivers."),
    Reason.ALTERED: _(
        "Somebody has got hold of a delivery: look where bodies of requests are logged. Nothing was done."
    ),
    Reason.NOT_CONFIGURED: _("Write what is named below into the settings."),
    Reason.OWN_MISTAKE: TELL_DEVELOPERS,
    Reason.NO_REFERENCE: _("Let the button or the form that leads to the vendor carry the reader’s reference."),
    Reason.UNKNOWN_REFERENCE: _("It may be one of another shop of the same merchant, or of a reader who is deleted."),
    Reason.NOT_VALID: _("Nothing is to be done: once it is paid the vendor delivers again."),
    Reason.NO_EMAIL: BY_HAND,
    Reason.UNVERIFIED_EMAIL: _(
        "Have the reader verify it: then this delivery, while it waits or once it comes again, or the vendor’s next "
        "one binds her. Or enter the reference by hand."
    ),
    Reason.OTHER_EMAIL: _(
        "She may have bought with somebody else’s address, whose purchases she would see. Ask her; where it is right "
        "all the same, enter the vendor’s reference at her portal account by hand."
    ),
    Reason.HAS_ANOTHER: _("Nothing was changed. Where the new one is right, change it at her portal account by hand."),
    Reason.TAKEN: _("Nothing was changed. Find out which reader is right, and change both portal accounts by hand."),
    Reason.TAKEN_AWAY: _("Nothing was changed. Where that was wrong, enter the vendor’s reference by hand."),
    Reason.UNREADABLE: TELL_DEVELOPERS,
    Reason.NOT_CONFIRMED: _(
        "Somebody else may have sent it: choose another token for the address, or have the vendor sign."
    ),
    Reason.REFRESHED: _("plenigo is told the reader’s address of this site again."),
    Reason.CUSTOMER_GONE: _("The reader’s link stands among the conflicts: unlink her, or register her anew."),
    Reason.GIVEN_UP: _("Once its cause is mended, have it worked on again."),
    Reason.REJECTED: _("Once its cause is mended, have it worked on again."),
}

CLOCKS = _(
    "Set this machine’s clock by a time server. Where the clock is right, somebody may have sent an old delivery "
    "again; else allow more by WEBHOOK_WINDOW_SECONDS."
)

#: Why its origin is not proved, by the codes of a `SignatureError`: what it means, and what to do.
OF_SIGNATURES: Mapping[str, tuple[Words, Words]] = {
    base.NO_SIGNATURE: (
        _("It is not signed."),
        _(
            "Have the vendor sign: in its merchant backend, where it says so of this address. What is named below was "
            "missing. A proxy may have removed it; else somebody else has sent it."
        ),
    ),
    base.WRONG_SIGNATURE: (
        _("Its signature is not that of a secret in the settings."),
        _(
            "Compare the secrets in the settings with the vendor’s: each address may have one of its own. Where they "
            "are the same, a proxy has changed the body on its way, or somebody else has sent it."
        ),
    ),
    base.ONLY_MD5: (
        _("It is signed by MD5 alone, which anybody can forge."),
        _("Choose SHA2 or SHA3 for this address in the vendor’s merchant backend."),
    ),
    base.TOO_OLD: (_("It was signed too long ago."), CLOCKS),
    base.FROM_THE_FUTURE: (_("It was signed in the future, by this machine’s clock."), CLOCKS),
    base.NO_TOKEN: (
        _("The address lacks the token that proves the vendor."),
        _("Enter the whole address in the vendor’s merchant backend, with ?token= and the token of the settings."),
    ),
    base.WRONG_TOKEN: (
        _("The address has another token than the settings."),
        _("Compare the address in the vendor’s merchant backend with the settings; else somebody else has sent it."),
    ),
}

OTHER_SIGNATURE = (_("Its signature was not accepted."), _("Compare the secret in the settings with the vendor’s."))


class WordsOfReason(NamedTuple):
    """What an agent is told."""

    meaning: Words
    remedy: Words


def words_of(reason: str) -> WordsOfReason:
    """Return what a reason means and what to do, in the language of now."""
    if reason in Reason.values:
        return WordsOfReason(Reason(reason).label, REMEDIES.get(reason, MOST_DO_NOTHING))
    return WordsOfReason(*OF_SIGNATURES.get(reason, OTHER_SIGNATURE))
