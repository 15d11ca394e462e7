"""Explains an error by its class and its text."""

from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from django_plenigo.services.explanations.codes import OF_CODES, TRY_AGAIN, Explanation

ASK_AGAIN = _("Ask again in a minute.")

OTHER_EXTERNAL_ID = Explanation(
    _("The customer has another external ID at plenigo, or another customer has this one."),
    _("Have plenigo's support correct the external ID there, then try again. The link works without it."),
)

#: By the name of the error's class and a part of its text, what an error means. The first row that fits counts.
EXPLANATIONS: tuple[tuple[str, str, Explanation], ...] = (
    (
        "ConflictError",
        "e-mail address is another customer's",
        Explanation(
            _("The address belongs to another customer at plenigo, and this site has not verified it."),
            _("Have the reader verify the address, then try again. If it is somebody else's, enter another one here."),
        ),
    ),
    (
        "ConflictError",
        "plenigo.change_email",
        Explanation(
            _("The new address belongs to another customer at plenigo. Nothing was changed there."),
            _(
                "Ask the reader which customer is the right one. Enter another address here, or have plenigo's support "
                "change or delete the other customer; then try again. Two customers are never merged by themselves."
            ),
        ),
    ),
    (
        "ConflictError",
        "external id is another user's",
        Explanation(
            _("This site gives the same external ID to two users. plenigo was told nothing."),
            _("Ask the developers: an external ID must belong to one user for ever (setting EXTERNAL_ID)."),
        ),
    ),
    (
        "ConflictError",
        "customer is linked to another user",
        Explanation(
            _("The customer with this address is linked to another user of this site already."),
            _("Decide which user the customer is. Delete the link of the other one, then try again."),
        ),
    ),
    (
        "ConflictError",
        "connection was undone",
        Explanation(
            _("The customer with this address is one that your support has taken from this reader."),
            _(
                "If it is hers after all, allow the connection again (account connections), then try again. If it is "
                "not, have plenigo's support give the customer its owner's address."
            ),
        ),
    ),
    (
        "ConflictError",
        "customer has another external id",
        OTHER_EXTERNAL_ID,
    ),
    (
        "ConflictError",
        "plenigo.add_external_id",
        OTHER_EXTERNAL_ID,
    ),
    (
        "ConflictError",
        "plenigo.import_access_ids",
        Explanation(
            _("One of the access IDs belongs to another customer at plenigo. Nothing was changed there."),
            _("Compare the IDs with the system that they come from. Import the right ones; then it is tried again."),
        ),
    ),
    *OF_CODES,
    (
        "ConflictError",
        "",
        Explanation(
            _("What was sent belongs to another customer at plenigo already. Nothing was changed there."),
            _("Find out which customer is the reader's, correct the value on one side, then try again."),
        ),
    ),
    (
        "NotFoundError",
        "",
        Explanation(
            _("plenigo does not know this customer or product."),
            _(
                "The customer may have been deleted at plenigo, or belong to another company or mode. If it is gone "
                "for good, delete this link: with the next purchase the reader becomes a customer anew."
            ),
        ),
    ),
    (
        "RejectedError",
        "",
        Explanation(
            _("plenigo does not accept a value."),
            _("Correct in the user's account what the technical text names, then try again."),
        ),
    ),
    (
        "AuthenticationError",
        "HTTP 403",
        Explanation(
            _("plenigo does not let this company manage customers of its own."),
            _("Ask plenigo to switch on external user management (closed user group) for the company."),
        ),
    ),
    (
        "AuthenticationError",
        "",
        Explanation(
            _("plenigo does not accept this site's company ID and secret."),
            _("Tell the developers: stage and live have different ones, and the server's clock must be right."),
        ),
    ),
    (
        "SessionLimitError",
        "",
        Explanation(
            _("The customer is logged in on as many devices as plenigo's settings allow."),
            _("Have the reader end one of them, or allow more in plenigo's merchant backend."),
        ),
    ),
    (
        "NoAnswerError",
        "user is locked",
        Explanation(
            _("This site is just changing this user in a transaction that takes its time. plenigo was not asked."),
            TRY_AGAIN,
        ),
    ),
    (
        "NoAnswerError",
        "no time left",
        Explanation(
            _("There was no time left to ask plenigo."),
            _("Ask again, for fewer readers at once."),
        ),
    ),
    (
        "NoAnswerError",
        "",
        Explanation(_("plenigo did not answer in time, or could not be reached."), TRY_AGAIN),
    ),
    (
        "RemoteUnavailableError",
        "",
        Explanation(_("plenigo is out of order at the moment."), TRY_AGAIN),
    ),
    (
        "RateLimitError",
        "",
        Explanation(_("plenigo was called too often and has asked for patience."), TRY_AGAIN),
    ),
    (
        "ProtocolError",
        "",
        Explanation(
            _("Something else than plenigo answered, or plenigo answered what it does not document."),
            _("If this lasts, tell the developers: often a proxy or a firewall stands in between."),
        ),
    ),
    (
        "InvalidValueError",
        "email: the user has no e-mail address any more",
        Explanation(
            _("The user has no e-mail address. plenigo keeps the last one that it was told."),
            _("Enter an address in the user's account; then it is told by itself."),
        ),
    ),
    (
        "InvalidValueError",
        "email: the user has no e-mail address",
        Explanation(
            _("The user has no e-mail address, so plenigo cannot make a customer of this user."),
            _("Enter an address in the user's account, then register the user."),
        ),
    ),
    (
        "InvalidValueError",
        "email:",
        Explanation(
            _("The e-mail address is none that plenigo would accept, so it was not sent."),
            _("Correct the address in the user's account, then try again."),
        ),
    ),
    (
        "InvalidValueError",
        "external_id:",
        Explanation(
            _("The external ID is none that plenigo would accept, so it was not sent."),
            _("Ask the developers: the ID comes from this site (setting EXTERNAL_ID)."),
        ),
    ),
    (
        "InvalidValueError",
        "product_ids:",
        Explanation(
            _("This is no product ID that plenigo could have."),
            _("Write product IDs as they stand at plenigo: at most 20 characters, separated by commas or blanks."),
        ),
    ),
    (
        "InvalidValueError",
        "link: is not registered",
        Explanation(
            _("The user is no customer at plenigo yet."),
            _("Register the user first."),
        ),
    ),
    (
        "InvalidValueError",
        "",
        Explanation(
            _("A value is none that plenigo would accept, so it was not sent."),
            _("Correct in the user's account what the technical text names, then try again."),
        ),
    ),
    (
        "ConfigurationError",
        "",
        Explanation(
            _("A setting of this site is missing or wrong."),
            _("Tell the developers; manage.py check names the setting."),
        ),
    ),
    (
        "UnsupportedOperationError",
        "",
        Explanation(
            _("The generation of plenigo's API that this site uses cannot do this."),
            _("Tell the developers."),
        ),
    ),
)

OTHER = Explanation(
    _("This site's own code failed before plenigo was told."),
    _("Tell the developers: the log names the place."),
)


def explain(error_type: str, text: str) -> Explanation:
    """Return what an error means, by the name of its class and its text, as they are kept with a change."""
    return next(
        (explanation for name, part, explanation in EXPLANATIONS if name == error_type and part in text),
        OTHER,
    )


def explain_error(error: Exception) -> Explanation:
    """Return what an error means that was just caught."""
    return explain(type(error).__name__, str(error))


def explain_now(error: Exception) -> Explanation:
    """Do as `explain_error` for a question that an agent waits for: nobody asks it again but she."""
    explanation = explain_error(error)
    return replace(explanation, remedy=ASK_AGAIN) if explanation.remedy is TRY_AGAIN else explanation
