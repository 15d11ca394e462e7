"""What a reader is told where something cannot be done: a sentence with an HTTP status."""

import logging
from collections.abc import Mapping
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import status
from rest_framework.exceptions import APIException

from django_plenigo.errors import ConflictError, InvalidValueError, PlenigoError, RejectedError, RemoteError
from django_plenigo.protocols.base import (
    ALREADY_BOUGHT,
    ALREADY_BOUGHT_BUT_BLOCKED,
    CHECKOUT_EXPIRED,
    CUSTOMER_ID_TAKEN,
    UNKNOWN_OFFER,
)
from django_plenigo.services import customers

logger = logging.getLogger(__name__)


class Refusal(APIException):
    """A sentence for the reader with an HTTP status."""

    def __init__(self, status_code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status_code = status_code


class Meaning(NamedTuple):
    """What a code of the vendor's means for a reader."""

    status_code: int
    sentence: str | Promise
    is_for_operator: bool = False
    """Whether the site's operator must do something about it, so that it is logged as an error."""


#: What stands in the way of a checkout, by the code of the error.
OF_CHECKOUT: Mapping[str, Meaning] = {
    ALREADY_BOUGHT: Meaning(
        status.HTTP_409_CONFLICT,
        gettext_lazy("You have bought this already. You do not need to pay again: please reload the page."),
    ),
    ALREADY_BOUGHT_BUT_BLOCKED: Meaning(
        status.HTTP_409_CONFLICT,
        gettext_lazy("You have bought this already, but your access is blocked. Please contact us."),
    ),
    CHECKOUT_EXPIRED: Meaning(
        status.HTTP_410_GONE, gettext_lazy("The checkout has timed out. Nothing was charged. Please try again.")
    ),
    UNKNOWN_OFFER: Meaning(
        status.HTTP_404_NOT_FOUND,
        gettext_lazy("This offer is not available at the moment. Nothing was charged. Please contact us."),
        is_for_operator=True,
    ),
}


def as_refusal(error: PlenigoError) -> Refusal:
    """Say in words what a reader can do about an error of a checkout."""
    if isinstance(error, ConflictError):
        return Refusal(status.HTTP_409_CONFLICT, conflict_sentence(error))
    if isinstance(error, InvalidValueError) and error.field == "offer":
        return Refusal(status.HTTP_410_GONE, _("This offer is out of date. Please reload the page and try again."))
    if isinstance(error, InvalidValueError) and error.field == "email":
        return Refusal(status.HTTP_400_BAD_REQUEST, _("Please enter a valid e-mail address in your account first."))
    if isinstance(error, InvalidValueError) and error.field == "signature":
        return Refusal(status.HTTP_400_BAD_REQUEST, _("This address is incomplete."))
    if isinstance(error, RemoteError) and error.code in OF_CHECKOUT:
        meaning = OF_CHECKOUT[error.code]
        logger.log(
            logging.ERROR if meaning.is_for_operator else logging.INFO, "A checkout could not be opened: %s", error
        )
        return Refusal(meaning.status_code, str(meaning.sentence))
    if isinstance(error, RejectedError) and "voucherCode" in error.fields:
        return Refusal(status.HTTP_400_BAD_REQUEST, _("This voucher cannot be redeemed. Please contact us."))
    if isinstance(error, RemoteError) and error.retryable:
        logger.warning("A checkout could not be opened: %s", error)
        sentence = _("We could not open the checkout. Nothing was charged. Please try again.")
        return Refusal(status.HTTP_503_SERVICE_UNAVAILABLE, sentence)
    # Another try would end alike.
    logger.error("A checkout could not be opened: %s", error)
    sentence = _("We could not open the checkout. Nothing was charged. Please contact us.")
    return Refusal(status.HTTP_502_BAD_GATEWAY, sentence)


def as_refusal_of_purchase(error: PlenigoError) -> Refusal:
    """Say in words what a reader can do about an error after a purchase: she may have paid."""
    if isinstance(error, InvalidValueError) and error.field == "signature":
        return as_refusal(error)
    if isinstance(error, InvalidValueError) and error.field == "order_id":
        return Refusal(status.HTTP_400_BAD_REQUEST, "The order id must be a number.")
    logger.error("A purchase could not be confirmed: %s", error)
    sentence = _("We cannot confirm your purchase right now. You do not need to pay again: please contact us.")
    return Refusal(status.HTTP_502_BAD_GATEWAY, sentence)


def conflict_sentence(error: ConflictError) -> str:
    """Say whose what is that a reader's checkout needs."""
    if error.code == customers.EXTERNAL_ID_OF_ANOTHER:
        return _("Your customer number is already used by another reader's account. Please contact us.")
    if error.code == CUSTOMER_ID_TAKEN:  # a stranger's, or hers under an address that she had before
        return _("Your customer number has another e-mail address at our subscription service. Please contact us.")
    if error.code == customers.CUSTOMER_OF_ANOTHER:
        return _("Your customer account already belongs to another reader's account on this site. Please contact us.")
    if error.code == customers.CONNECTION_UNDONE:
        return _("Our support has separated your subscription account from this one. Please contact us.")
    return _("Your e-mail address is already used by another customer account. Please contact us.")
