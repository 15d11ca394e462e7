"""What the words mean that this package has for the vendor's codes (docs/protocols/plenigo-v3.md 1.3)."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_plenigo.protocols.base import (
    ALREADY_BOUGHT,
    ALREADY_BOUGHT_BUT_BLOCKED,
    CHECKOUT_EXPIRED,
    CUSTOMER_ID_TAKEN,
    EMAIL_TAKEN,
    MODULE_NOT_BOOKED,
    NO_MATCH,
    OTHER_COMPANY,
    PROCESS_EXPIRED,
    PROCESS_OUT_OF_ORDER,
    PROCESS_USED,
    REGISTRATION_UNDER_WAY,
    TOO_MANY_TRIES,
    TWO_CUSTOMERS,
    UNKNOWN_OFFER,
    USERNAME_TAKEN,
    WRONG_CODE,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An error in the words of a support agent. Both texts are translated when they are shown."""

    meaning: str | Promise
    """What is the matter, in a sentence."""

    remedy: str | Promise
    """Who can do what about it."""


TRY_AGAIN = _("It is tried again by itself. Nothing is lost, and nobody has to do anything.")

_MISMATCH = Explanation(
    _("No customer at plenigo matches what the reader has entered."),
    _("Have the reader compare number and address with the last invoice, and begin again."),
)

_MISTAKE_OF_THE_SITE = _("Tell the developers: it is a mistake of this site's.")

#: By the name of the error's class and the word in `RemoteError.code`.
OF_WORDS: tuple[tuple[str, str, Explanation], ...] = (
    # ---- the account
    (
        "AuthenticationError",
        "wrong access token, or one without the right",
        Explanation(
            _("plenigo does not accept this site's access token, or the token lacks the right to this call."),
            _(
                "Tell the developers: stage and live have different tokens, and each has an end and rights of its own "
                "(API access tokens in plenigo's merchant backend)."
            ),
        ),
    ),
    (
        "RejectedError",
        MODULE_NOT_BOOKED,
        Explanation(
            _("The company has not booked the part of plenigo that this needs, or no longer."),
            _(
                "Ask plenigo to book it: what waits for it is told by itself then. Access IDs do not wait, and hold up "
                "nothing else: have the developers switch off the setting MIRROR_ACCESS_IDS, or try again once it is "
                "booked."
            ),
        ),
    ),
    (
        "RemoteUnavailableError",
        "emergency mode",
        Explanation(_("plenigo has switched on its emergency mode, in which it takes no changes."), TRY_AGAIN),
    ),
    (
        "RejectedError",
        "refused",
        Explanation(
            _("plenigo refuses this and does not say why."),
            _("Ask plenigo's support; the technical text names the call."),
        ),
    ),
    # ---- values
    (
        "RejectedError",
        "invalid parameters",
        Explanation(
            _("plenigo does not accept what was sent and does not say which value."),
            _(
                "Look at the address and the names in the user's account, then try again. If nothing is wrong there, "
                "tell the developers."
            ),
        ),
    ),
    (
        "RejectedError",
        "invalid email",
        Explanation(
            _("plenigo does not accept the e-mail address."),
            _("Correct the address in the user's account, then try again."),
        ),
    ),
    (
        "RejectedError",
        "invalid firstName, lastName",
        Explanation(
            _("plenigo wants a first and a last name, and does not accept these."),
            _("Enter both in the user's account, then try again."),
        ),
    ),
    (
        "RejectedError",
        "invalid username",
        Explanation(
            _("plenigo does not accept the user name."),
            _("Have the reader choose another one."),
        ),
    ),
    (
        "RejectedError",
        "additional data is missing",
        Explanation(
            _("plenigo wants additional data of its customers, which this site has not sent."),
            _("Tell the developers: plenigo's merchant backend says which additional data must be there."),
        ),
    ),
    (
        "RejectedError",
        "e-mail address of plenigo's own",
        Explanation(
            _("The e-mail address is a placeholder of plenigo's own, which nobody can set."),
            _("Enter the reader's own address in the user's account, then try again."),
        ),
    ),
    # ---- customers
    (
        "RejectedError",
        "customer is inactive",
        Explanation(
            _("The customer is inactive at plenigo."),
            _("Have the customer made active in plenigo's merchant backend, then try again."),
        ),
    ),
    (
        "RejectedError",
        "customer is deactivated",
        Explanation(
            _("The customer is deactivated at plenigo, and cannot log in there."),
            _("If that is not meant, lift it in plenigo's merchant backend, then try again."),
        ),
    ),
    (
        "RejectedError",
        "customer must reset the password",
        Explanation(
            _("The customer must set a new password at plenigo before anything else."),
            _("Have the reader set one there (forgotten password), then try again."),
        ),
    ),
    (
        "RejectedError",
        "customer is disabled",
        Explanation(
            _("plenigo itself has disabled the customer."),
            _("Ask plenigo's support why. Nothing that is entered here mends it."),
        ),
    ),
    (
        "RejectedError",
        "customer is blocked for processing",
        Explanation(
            _("The customer's data must not be processed: so it is marked at plenigo."),
            _(
                "Ask who is responsible for data protection. If the mark is wrong, remove it in plenigo's merchant "
                "backend, then try again."
            ),
        ),
    ),
    (
        "NotFoundError",
        "customer",
        Explanation(
            _("plenigo does not know this customer."),
            _(
                "The customer may have been deleted at plenigo, or belong to another company or mode. If it is gone "
                "for good, delete this link: with the next purchase the reader becomes a customer anew."
            ),
        ),
    ),
    (
        "ConflictError",
        EMAIL_TAKEN,
        Explanation(
            _("Another customer at plenigo has this e-mail address. Nothing was changed there."),
            _(
                "Find out whose the address is. If it is the reader's, have her verify it here; if it is somebody "
                "else's, enter another one. Then try again."
            ),
        ),
    ),
    (
        "ConflictError",
        USERNAME_TAKEN,
        Explanation(
            _("Another customer at plenigo has this user name. Nothing was changed there."),
            _("Have the reader choose another one."),
        ),
    ),
    (
        "ConflictError",
        "external id is taken",
        Explanation(
            _("Another customer at plenigo has this user's external ID. Nothing was changed there."),
            _("Have plenigo's support take the external ID from the customer who should not have it, then try again."),
        ),
    ),
    (
        "ConflictError",
        TWO_CUSTOMERS,
        Explanation(
            _("The e-mail address and the customer number belong to two customers at plenigo."),
            _(
                "Find out which of them the reader is, and have plenigo's support change or delete the other; then try "
                "again. Two customers are never merged by themselves."
            ),
        ),
    ),
    (
        "ConflictError",
        CUSTOMER_ID_TAKEN,
        Explanation(
            _("The customer with this number has another e-mail address at plenigo. Nothing was changed there."),
            _(
                "If it is the reader's own customer, give both sides the same address, then try again. If it is "
                "somebody else's, ask the developers: the user needs another external ID (setting EXTERNAL_ID)."
            ),
        ),
    ),
    # ---- account connection and sessions
    ("RejectedError", NO_MATCH, _MISMATCH),
    ("NotFoundError", NO_MATCH, _MISMATCH),
    (
        "RejectedError",
        OTHER_COMPANY,
        Explanation(
            _("The customer belongs to another company at plenigo."),
            _("Have the reader look whether the invoice is yours. If it is, ask plenigo's support."),
        ),
    ),
    (
        "RateLimitError",
        REGISTRATION_UNDER_WAY,
        Explanation(_("Somebody has registered this address just now, so plenigo locks it for seconds."), TRY_AGAIN),
    ),
    (
        "RejectedError",
        PROCESS_EXPIRED,
        Explanation(
            _("What the reader had begun at plenigo has taken too long and is over."),
            _("Have the reader begin again."),
        ),
    ),
    (
        "RejectedError",
        PROCESS_USED,
        Explanation(
            _("What the reader had begun at plenigo was ended already."),
            _("Have the reader look whether all is well. If it is not, have her begin again."),
        ),
    ),
    (
        "RejectedError",
        PROCESS_OUT_OF_ORDER,
        Explanation(
            _("The steps came to plenigo in another order than it wants."),
            _("Have the reader begin again, in one tab of the browser."),
        ),
    ),
    (
        "RejectedError",
        TOO_MANY_TRIES,
        Explanation(
            _("The reader has entered too many wrong codes."),
            _("Have the reader begin again: plenigo sends a new code."),
        ),
    ),
    (
        "RejectedError",
        WRONG_CODE,
        Explanation(
            _("The reader has entered a wrong code."),
            _("Have the reader enter the latest code, or ask for another one."),
        ),
    ),
    (
        "RejectedError",
        "session is over",
        Explanation(
            _("The customer's session at plenigo is over, or a log-in elsewhere has ended it."),
            _("Have the reader log in again."),
        ),
    ),
    (
        "RejectedError",
        "session could not be ended",
        Explanation(
            _("plenigo has not ended a session of the customer."),
            _("Have the reader look at the list of devices again: the session may be over already."),
        ),
    ),
    (
        "RejectedError",
        "transfer token is spent",
        Explanation(
            _("What was to hand the log-in over was used already or is older than half a minute."),
            _("Have the reader click again."),
        ),
    ),
    # ---- access rights and subscriptions
    (
        "NotFoundError",
        "access right",
        Explanation(
            _("The customer does not have this access right at plenigo."),
            _(
                "Compare the product in the setting PRODUCTS with plenigo's merchant backend. The link is right "
                "as it is."
            ),
        ),
    ),
    (
        "ConflictError",
        "access right is there already",
        Explanation(
            _("The customer has this access right at plenigo already. Nothing was changed there."),
            _("If its dates are to change, change the right that is there."),
        ),
    ),
    (
        "NotFoundError",
        "subscription",
        Explanation(
            _("plenigo does not know this subscription."),
            _("Look for the customer's subscriptions in plenigo's merchant backend. The link is right as it is."),
        ),
    ),
    (
        "RejectedError",
        "subscription is managed elsewhere",
        Explanation(
            _("The subscription was bought elsewhere, such as in an app store, and is managed there."),
            _("Have the reader change or cancel it where it was bought."),
        ),
    ),
    (
        "RejectedError",
        "subscription is cancelled already",
        Explanation(
            _("The subscription was cancelled before."),
            _("Nobody has to do anything; plenigo's merchant backend says when it ends."),
        ),
    ),
    (
        "RejectedError",
        "customer may not cancel",
        Explanation(
            _("The customer is blocked at plenigo and cannot cancel."),
            _("Cancel for the reader in plenigo's merchant backend, or lift the block there."),
        ),
    ),
    # ---- checkouts
    (
        "NotFoundError",
        UNKNOWN_OFFER,
        Explanation(
            _("plenigo does not know this offer, or does not sell it now."),
            _(
                "Compare the offer in the page or in the setting PRODUCTS with plenigo's merchant backend. The link "
                "is right as it is."
            ),
        ),
    ),
    (
        "NotFoundError",
        "checkout",
        Explanation(
            _("plenigo does not know this checkout or order."),
            _(
                "If the reader has paid, look for the order in plenigo's merchant backend; else have her begin the "
                "purchase again. The link is right as it is."
            ),
        ),
    ),
    (
        "RejectedError",
        CHECKOUT_EXPIRED,
        Explanation(
            _("The checkout was open for too long."),
            _("Have the reader open it again."),
        ),
    ),
    (
        "RejectedError",
        "neither customer nor session",
        Explanation(_("A checkout was to be opened for nobody."), _MISTAKE_OF_THE_SITE),
    ),
    (
        "RejectedError",
        "voucher and items",
        Explanation(
            _("A checkout was to be opened with a voucher and with products; plenigo takes one or the other."),
            _MISTAKE_OF_THE_SITE,
        ),
    ),
    (
        "RejectedError",
        ALREADY_BOUGHT_BUT_BLOCKED,
        Explanation(
            _("The reader has bought this already, but the access is blocked."),
            _("Look in plenigo's merchant backend why it is blocked. The reader need not buy again."),
        ),
    ),
    (
        "RejectedError",
        ALREADY_BOUGHT,
        Explanation(
            _("The reader has bought this already."),
            _("Have the reader log in and read; she need not buy again."),
        ),
    ),
)

#: By the name of the error's class and a part of its text. The access token's word ends a longer one besides.
OF_CODES: tuple[tuple[str, str, Explanation], ...] = tuple(
    (name, word if name == "AuthenticationError" else f"code {word}", explanation)
    for name, word, explanation in OF_WORDS
)
