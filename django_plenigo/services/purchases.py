"""Says what came of a checkout. What a browser tells of a purchase is a hint: the vendor is asked (API v3)."""

import enum
import logging
from collections.abc import Sequence
from typing import Any

from django_plenigo import backends, conf
from django_plenigo.errors import NotFoundError, RemoteError
from django_plenigo.models import CustomerLink
from django_plenigo.services import access, customers
from django_plenigo.services.access import Access
from django_plenigo.tracebacks import without_secrets

logger = logging.getLogger(__name__)


class Purchase(enum.Enum):
    """What came of a checkout, as far as the vendor says."""

    ARRIVED = "arrived"
    """The order is the reader's, and she may read what she has bought."""

    ON_ITS_WAY = "on its way"
    """The order is the reader's, or nobody knows: what she has bought does not open yet."""

    NOT_HERS = "not hers"
    """There is no such order, or somebody else pays for it."""


@without_secrets
def confirm_order(
    user: Any, order_id: int, product_ids: Sequence[str], *, using: str = conf.DEFAULT_ACCOUNT
) -> Purchase:
    """Look whose an order is, and if it is the reader's, drop what is kept of her and ask whether she may read.

    An order that is not hers changes nothing, and is not told from one that is not there. Never raises `RemoteError`:
    what nobody knows is on its way. Raises `InvalidValueError` for an order id that is none, and
    `UnsupportedOperationError` with API v2. Source: docs/protocols/plenigo-v3.md 5.2 and 8.
    """
    reader = backends.purchase_reader(using)
    link = customers.link_of(user, using=using)
    try:
        is_hers = link is not None and reader.read_order(order_id).customer_id == _customer_id_of(link)
    except NotFoundError:
        is_hers = False
    except RemoteError as error:
        logger.warning("Nobody knows whose an order is: %s", error)
        return Purchase.ON_ITS_WAY
    if not is_hers:
        logger.warning("A browser has told of an order that is not its reader's")
        return Purchase.NOT_HERS
    access.forget_answers(user, using=using)
    access.expect_purchase(user, using=using)
    answer = access.confirm_purchase(user, product_ids, using=using)
    return Purchase.ARRIVED if answer is Access.BOUGHT else Purchase.ON_ITS_WAY


def _customer_id_of(link: CustomerLink) -> str:
    """Return the id that orders name a link's customer by; by a call where the external id alone finds her."""
    return backends.customer_reader(link.account).find_customer_id(customers.customer_of(link))
