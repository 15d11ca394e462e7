"""What a support agent has the vendor asked of one customer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django_plenigo import backends
from django_plenigo.errors import NotFoundError, RemoteError, UnsupportedOperationError
from django_plenigo.models import CustomerLink
from django_plenigo.protocols.base import AccessRight
from django_plenigo.services import customers
from django_plenigo.services.access.answers import Access
from django_plenigo.services.access.asking import rights_of
from django_plenigo.services.access.gates import look_up
from django_plenigo.services.access.keeping import forget_answers
from django_plenigo.tracebacks import without_secrets


@dataclass(frozen=True, slots=True)
class AnswerNow:
    """What the vendor says of one product, or what the reader's gates do since it says nothing."""

    product_id: str
    """The vendor's product id."""

    access: Access
    """The vendor's answer; unknown where there was none."""

    at_gates: Access
    """What a gate tells the reader from now on, until it asks by itself."""

    until: datetime | None = None
    """When a yes ends; None where the vendor names no end."""


@dataclass(frozen=True, slots=True)
class AnswersNow:
    """What the vendor says of one customer."""

    answers: tuple[AnswerNow, ...]
    """One for each product."""

    error: RemoteError | None = None
    """Why there is no answer."""

    is_known: bool | None = None
    """Whether the vendor knows the customer at all; None where that was not asked, or nobody knows."""


@without_secrets
def ask_now(link: CustomerLink, product_ids: Sequence[str]) -> AnswersNow:
    """Ask the vendor about a customer whatever the cache holds. Raises `InvalidValueError`.

    An answer drops what is kept of the reader, so that her gates ask anew too. Without one that is left as it is: it
    may be what lets her read meanwhile. A no is also said of a customer whom the vendor does not know, so where there
    is nothing but that, it is asked for besides.
    """
    try:
        rights = rights_of(link, product_ids, None)
    except RemoteError as error:
        gates = {each: look_up(link.user, [each], using=link.account, may_ask=False).access for each in product_ids}
        return AnswersNow(tuple(AnswerNow(each, Access.UNKNOWN, gates[each]) for each in product_ids), error)
    forget_answers(link.user, using=link.account)
    answers = tuple(_answer_now(each, rights[each]) for each in product_ids)
    has_access = any(right.is_granted for right in rights.values())
    return AnswersNow(answers, is_known=None if has_access else _is_known(link))


def _answer_now(product_id: str, right: AccessRight) -> AnswerNow:
    access = Access.BOUGHT if right.is_granted else Access.NOT_BOUGHT
    return AnswerNow(product_id, access, access, right.until)


def _is_known(link: CustomerLink) -> bool | None:
    try:
        backends.customer_finder(link.account).check_customer(customers.customer_of(link))
    except NotFoundError:
        return False
    except (RemoteError, UnsupportedOperationError):
        return None
    return True
