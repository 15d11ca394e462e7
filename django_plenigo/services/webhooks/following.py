"""Follows what has changed of a customer at plenigo: nothing of the delivery is believed, plenigo is asked.

So a delivery that comes late, twice or forged can do no more than have plenigo asked, and what this site itself has
told plenigo, which delivers that too, is found to be in step and ends here.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from django_plenigo import backends, conf
from django_plenigo.errors import NoAnswerError, NotFoundError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.protocols.base import SERVICE, CustomerEvent, CustomerRef
from django_plenigo.services import access, customers, outbox, sessions
from django_plenigo.services.webhooks.reasons import Reason

#: So long after this site has told plenigo something, another address there is no reason to tell it again at once:
#: where plenigo keeps another spelling than it is told, that would have no end. It is found at the next log-in.
ECHO_TIME = timedelta(minutes=10)

#: How often the customer is read again, where a worker has told plenigo something in between.
MOST_READINGS = 3

#: The code of a `NoAnswerError`, as above.
LINK_IS_CHANGING = "link is being changed"

LONGEST_ID = 100
LONGEST_EMAIL = 254


def follow_customer(account: str, event: CustomerEvent) -> Reason:
    """Ask anew what a customer may read, and note what plenigo knows otherwise than this site has told it.

    Of all accounts of the company. A customer who is there no more keeps her link, and stands among the conflicts.
    Raises `RemoteError`.
    """
    accounts = conf.accounts_of_company(account)
    links = _links_of(event.customer_id, accounts)
    if not links:
        return Reason.NOT_LINKED
    if event.changes_access or event.is_deleted:
        _forget_answers(links, accounts)
    customer = CustomerRef(event.customer_id)
    for _reading in range(MOST_READINGS):
        try:
            email = backends.customer_reader(account).read_customer(customer).email
        except NotFoundError:
            for link in links:
                _keep_that_gone(link)
            _forget_answers(links, accounts)
            return Reason.CUSTOMER_GONE
        outcomes = [_compare_address(link, email) for link in links]
        if None not in outcomes:
            return Reason.REFRESHED if any(outcomes) else Reason.IN_STEP
        links = _links_of(event.customer_id, accounts)
    raise NoAnswerError(SERVICE, "read_customer", code=LINK_IS_CHANGING)


def _links_of(customer_id: str, accounts: Sequence[str]) -> list[CustomerLink]:
    if not customer_id.isprintable() or len(customer_id) > LONGEST_ID:
        return []
    links = outbox.links().filter(account__in=accounts, customer_id=customer_id).select_related("user")
    # Both generations give ids, and the same one may be somebody else's.
    return [link for link in links if link.has_customer_id and conf.Account(link.account).generation == "v3"]


def _forget_answers(links: Sequence[CustomerLink], accounts: Sequence[str]) -> None:
    # Of the accounts on API v2 too, where the same reader has another customer id.
    for user in {link.user_id: link.user for link in links}.values():
        for account in accounts:
            access.forget_answers(user, using=account)


def _keep_that_gone(link: CustomerLink) -> None:
    """Forget the session of a customer who is no more, and leave her to the agent.

    By a note: the delivery is told that plenigo has no such customer, and so is whoever looks at the conflicts. Once,
    however often it is delivered.
    """
    sessions.forget_session(link)
    kind = RemoteChange.Kind.CHANGE_EMAIL
    known = outbox.changes().filter(link=link, kind=kind)
    if not known.filter(Q(refused_at__isnull=False, last_error_type=NotFoundError.__name__)).exists():
        outbox.note(link, kind)


def _compare_address(link: CustomerLink, email: str) -> bool | None:
    """Keep the address that plenigo has, and say whether it is another; None where somebody has changed the link."""
    # plenigo may keep another spelling than it is told; that is no other address.
    if not email or len(email) > LONGEST_EMAIL or customers.is_same_address(email, link.confirmed_email):
        return False
    as_read = Q(confirmed_email=link.confirmed_email, confirmed_at=link.confirmed_at)
    rows = outbox.links().filter(as_read, pk=link.pk, customer_id=link.customer_id)
    if not rows.update(confirmed_email=email, updated_at=timezone.now()):
        return None
    told_at, link.confirmed_email = link.confirmed_at, email
    if told_at is None or told_at < timezone.now() - ECHO_TIME:
        customers.request_email_sync_of_link(link, link.user)
    return True
