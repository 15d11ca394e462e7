"""What happens to contacts, subscriptions and payments. The API, the pages, the admin and tests share these verbs.

Every verb but `subscribe` queues the webhooks that tell of it. Source: docs/protocols/okepay.md 4 and 6.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta

from django.db import IntegrityError, router, transaction
from django.utils.translation import ngettext

from .. import clock
from ..models import OkePayContact, OkePayInstance, OkePaySubscription, OkePayTransaction
from ..models.customers import email_key
from ..models.okepay import INTERVAL_PATTERN
from ..purchases import add_months
from . import webhooks

SUBSCRIPTION = OkePaySubscription.Status
TRANSACTION = OkePayTransaction.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is paid, and how often."""

    amount: int
    """In cents."""

    currency: str
    purpose: str = ""
    reference_id: str = ""
    """The merchant's own, which webhooks echo."""

    payment_interval: str = ""
    """As PHP writes it, such as `P1M`; empty where it is paid once."""

    period: str = ""
    cancellation_interval: str = ""
    psp: int = 0


def contact_of(instance: OkePayInstance, email: str, *, first_name: str = "", last_name: str = "") -> OkePayContact:
    """Return who pays with an e-mail address: the contact who has it, in whatever spelling, or a new one.

    That is the vendor's rule, and whoever types in another person's address becomes that person's contact by it.
    """
    names = {name: text for name, text in (("first_name", first_name), ("last_name", last_name)) if text}
    found = instance.contacts.filter(email_key=email_key(email)).first()
    if found is None:
        try:
            with transaction.atomic(using=router.db_for_write(OkePayContact)):
                return OkePayContact.objects.create(instance=instance, email=email, **names)
        except IntegrityError:  # another payment was faster
            found = instance.contacts.get(email_key=email_key(email))
    if names:
        OkePayContact.objects.filter(pk=found.pk).update(**names)
        found.refresh_from_db()
    return found


def pay(contact: OkePayContact, terms: Terms, *, page_key: str | None = None) -> OkePayTransaction:
    """Record a successful payment, with a new subscription where it is to be paid again and again.

    `page_key` is that of a payment page: the same once more changes nothing and returns the payment of the first time.
    """

    def record() -> OkePayTransaction:
        if terms.payment_interval:
            return subscribe(contact, terms, clock.now(), page_key)
        return _record(contact, terms, clock.now(), page_key=page_key)

    return _once(record, page_key)


def decline(contact: OkePayContact, terms: Terms, *, page_key: str | None = None) -> OkePayTransaction:
    """Record a payment that the card's issuer has refused. It makes no subscription. `page_key` as for `pay`."""

    def record() -> OkePayTransaction:
        return _record(contact, terms, clock.now(), status=TRANSACTION.DECLINED, page_key=page_key)

    return _once(record, page_key)


def _once(record: Callable[[], OkePayTransaction], page_key: str | None) -> OkePayTransaction:
    """Record a payment and tell of it, unless its page was sent before."""
    known = OkePayTransaction.objects.filter(page_key=page_key) if page_key else OkePayTransaction.objects.none()
    payment = known.first()
    if payment is not None:
        return payment
    try:
        with transaction.atomic(using=router.db_for_write(OkePayTransaction)):
            payment = record()
            webhooks.tell_of_payment(payment)
    except IntegrityError:  # the page was sent twice at once
        payment = known.first()
        if payment is None:
            raise
    return payment


def subscribe(contact: OkePayContact, terms: Terms, now: datetime, page_key: str | None = None) -> OkePayTransaction:
    """Record a subscription and its first payment, and tell nobody."""
    start = now.astimezone(UTC).date()
    paid_until = add_interval(start, terms.payment_interval)
    values = {"contact": contact, "start": start, "valid_until": paid_until}
    subscription = OkePaySubscription.objects.create(**values, **asdict(terms))
    return _record(contact, terms, now, subscription=subscription, page_key=page_key)


def renew(subscription: OkePaySubscription) -> OkePayTransaction | None:
    """Let the next payment succeed: the subscription is active and runs on, from today where it was not paid.

    None, and nothing happens, where another process has done so meanwhile.
    """
    now = clock.now()
    today, paid_until = now.astimezone(UTC).date(), subscription.valid_until
    next_until = add_interval(max(paid_until or today, today), subscription.payment_interval)
    with transaction.atomic(using=router.db_for_write(OkePayTransaction)):
        rows = OkePaySubscription.objects.filter(pk=subscription.pk, valid_until=paid_until)
        if not rows.update(status=SUBSCRIPTION.ACTIVE, valid_until=next_until, end=None):
            return None
        subscription.status, subscription.valid_until, subscription.end = SUBSCRIPTION.ACTIVE, next_until, None
        payment = _record(subscription.contact, _terms_of(subscription), now, subscription=subscription)
        webhooks.tell_of_payment(payment)
    return payment


def fail(subscription: OkePaySubscription) -> OkePayTransaction:
    """Let the next payment fail, and the subscription with it."""
    with transaction.atomic(using=router.db_for_write(OkePayTransaction)):
        subscription.status = SUBSCRIPTION.FAILED
        subscription.save(update_fields=["status"])
        terms, declined = _terms_of(subscription), TRANSACTION.DECLINED
        payment = _record(subscription.contact, terms, clock.now(), subscription=subscription, status=declined)
        webhooks.tell_of_payment(payment)
    return payment


def give_notice(subscription: OkePaySubscription) -> bool:
    """Cancel as the customer does: it runs on to the end of what is paid. False, where it was cancelled before."""
    today = clock.now().astimezone(UTC).date()
    end = max(subscription.valid_until or today, today)
    return _change_status(subscription, SUBSCRIPTION.IN_NOTICE, end)


def cancel(subscription: OkePaySubscription) -> bool:
    """Cancel as the merchant does: at once. False, where it was cancelled like that before."""
    return _change_status(subscription, SUBSCRIPTION.CANCELLED, clock.now().astimezone(UTC).date())


def move_on() -> None:
    """Let time take its course by the sandbox's clock: renew what is paid no longer, and end what has run out.

    Our choice: what was due several times meanwhile is paid once.
    """
    today = clock.now().astimezone(UTC).date()
    rows = OkePaySubscription.objects.select_related("contact__instance__company").order_by("pk")
    for row in rows.filter(status=SUBSCRIPTION.IN_NOTICE, end__lte=today):
        _change_status(row, SUBSCRIPTION.CANCELLED, row.end or today)
    for row in rows.filter(status=SUBSCRIPTION.ACTIVE, valid_until__lt=today):
        renew(row)


def add_interval(day: date, interval: str) -> date:
    """Return a day later by an interval such as `P1M`, or the last day of a month that is too short.

    Raises `ValueError` for what is no such interval.
    """
    months, days = _months_and_days(interval)
    moment = add_months(datetime.combine(day, time(), UTC), months)
    return (moment + timedelta(days=days)).date()


def interval_in_words(interval: str) -> str:
    """Return how often an interval such as `P1M` is, as "every month"; one of months and days as it is written.

    Raises `ValueError` for what is no such interval.
    """
    months, days = _months_and_days(interval)
    if months and days:
        return interval
    if months % 12:
        return ngettext("every month", "every %(count)d months", months) % {"count": months}
    if months:
        return ngettext("every year", "every %(count)d years", months // 12) % {"count": months // 12}
    if days % 7:
        return ngettext("every day", "every %(count)d days", days) % {"count": days}
    return ngettext("every week", "every %(count)d weeks", days // 7) % {"count": days // 7}


def _months_and_days(interval: str) -> tuple[int, int]:
    found = re.fullmatch(INTERVAL_PATTERN, interval)
    if found is None:
        raise ValueError("An interval is written as PHP does, such as P1M.")
    years, months, weeks, days = (int(number or 0) for number in found.groups())
    return years * 12 + months, weeks * 7 + days


def _change_status(subscription: OkePaySubscription, status: str, end: date) -> bool:
    ended = {SUBSCRIPTION.CANCELLED, status}
    with transaction.atomic(using=router.db_for_write(OkePaySubscription)):
        # One conditional update: of two that cancel at once, one tells of it.
        rows = OkePaySubscription.objects.filter(pk=subscription.pk).exclude(status__in=ended)
        if not rows.update(status=status, end=end):
            return False
        subscription.status, subscription.end = status, end
        webhooks.tell_of_subscription(subscription)
    return True


def _terms_of(subscription: OkePaySubscription) -> Terms:
    return Terms(**{each.name: getattr(subscription, each.name) for each in fields(Terms)})


def _record(
    contact: OkePayContact,
    terms: Terms,
    now: datetime,
    *,
    subscription: OkePaySubscription | None = None,
    status: str = TRANSACTION.CONFIRMED,
    page_key: str | None = None,
) -> OkePayTransaction:
    return OkePayTransaction.objects.create(
        contact=contact,
        subscription=subscription,
        time=now,
        status=status,
        amount=terms.amount,
        currency=terms.currency,
        purpose=terms.purpose,
        reference_id=terms.reference_id,
        psp=terms.psp,
        card_brand=contact.card_brand,
        page_key=page_key,
    )
