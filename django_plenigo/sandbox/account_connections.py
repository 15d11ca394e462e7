"""Connect customers who were imported without an e-mail address. Source: docs/protocols/plenigo-v3.md 6.3 to 6.5."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F

from . import clock, customer_sessions, identifiers
from .customers import find_customer_by_email, lock
from .events import CallbackType, tell_of_customer
from .models import Address, Channel, Company, ConnectionProcess, Customer, CustomerSession, SentMessage
from .profiles import TakenError, find_customer_by_username
from .single_sign_on import settings_of

# Our choices: no document says how long a step lasts, and how often one may guess.
LIFETIME = timedelta(minutes=15)
TRIES = 5
#: So long after a registration has begun, a throttling company takes no other one for the same address.
THROTTLE_SECONDS = 10


class ProcessError(Exception):
    """A step is refused."""


class UnknownProcessError(ProcessError):
    """There is no such token."""


class ExpiredProcessError(ProcessError):
    """The token is too old."""


class UsedProcessError(ProcessError):
    """The token was used, or another has taken its place."""


class OutOfOrderError(ProcessError):
    """A later process of the same customer has begun."""


class ExhaustedProcessError(ProcessError):
    """Too many wrong codes."""


class ForeignTokenError(ProcessError):
    """The token is of another kind of process."""


class RegisteredError(Exception):
    """The customer has an e-mail address already."""


class BusyError(Exception):
    """A registration with this address has begun a moment ago."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the client gets of a process, the code that the customer is sent included: the vendor has it so."""

    token: str
    code: str
    channel: str
    fail_runs: int


def start(customer: Customer, email: str, values: Mapping[str, Any]) -> Step:
    """Send a code to the customer.

    `values`: `columns` of `Customer` with the password in clear, and `addresses`, a list of columns of `Address`.
    Raises `RegisteredError`, `TakenError` or `BusyError`.
    """
    lock(customer)
    if not customer.has_pseudo_email:
        raise RegisteredError
    columns = dict(values["columns"])
    _check_taken(customer, email, columns)
    now = clock.now()
    recent = ConnectionProcess.objects.filter(
        customer__company=customer.company, email=email, started_at__gt=now - timedelta(seconds=THROTTLE_SECONDS)
    )
    if customer.company.throttles_registration and recent.exists():
        raise BusyError
    columns["password"] = make_password(columns["password"])
    return _send(customer, email, {"columns": columns, "addresses": values["addresses"]}, fail_runs=0)


def find_process(company: Company, token: str) -> ConnectionProcess:
    """Return the process whose step is due. Raises a `ProcessError`."""
    digest = identifiers.digest(token)
    found = ConnectionProcess.objects.filter(customer__company=company, digest=digest)
    process = found.select_related("customer__company").first()
    if process is None:
        if customer_sessions.is_removal_token(company, token):
            raise ForeignTokenError
        raise UnknownProcessError
    lock(process.customer)
    process.refresh_from_db(fields=["used_at", "fail_runs"])
    if process.used_at is not None:
        raise UsedProcessError
    if process.expires_at <= clock.now():
        raise ExpiredProcessError
    if process.customer.connection_processes.filter(pk__gt=process.pk).exists():
        raise OutOfOrderError
    if process.fail_runs >= TRIES:
        raise ExhaustedProcessError
    return process


def is_right_code(process: ConnectionProcess, code: str) -> bool:
    """Say whether the code is the one that was sent; a wrong one is counted."""
    if process.code_digest == identifiers.digest(code):
        return True
    ConnectionProcess.objects.filter(pk=process.pk).update(fail_runs=F("fail_runs") + 1)
    return False


def finish(process: ConnectionProcess, logging_data: Mapping[str, str]) -> CustomerSession:
    """Give the customer what he has registered with, and return his session; older ones end.

    Raises `RegisteredError` or `TakenError`.
    """
    customer = process.customer
    if not customer.has_pseudo_email:
        raise RegisteredError
    columns = process.values["columns"]
    _check_taken(customer, process.email, columns)
    now = clock.now()
    with transaction.atomic():
        for name, value in {**columns, "email": process.email, "has_pseudo_email": False}.items():
            setattr(customer, name, value)
        customer.changed_at = now
        customer.save()
        for address in process.values["addresses"]:
            Address.objects.create(customer=customer, **address)
        ConnectionProcess.objects.filter(pk=process.pk).update(used_at=now)
        tell_of_customer(customer, CallbackType.CHANGE)
        customer_sessions.active(customer).update(ended_at=now)
        return customer_sessions.create(customer, logging_data)


def resend(process: ConnectionProcess) -> Step:
    """Send another code. Token and code are new; wrong codes stay counted."""
    ConnectionProcess.objects.filter(pk=process.pk).update(used_at=clock.now())
    return _send(process.customer, process.email, process.values, fail_runs=process.fail_runs)


def _send(customer: Customer, email: str, values: dict[str, Any], *, fail_runs: int) -> Step:
    token, code, now = identifiers.new_token(), identifiers.new_code(), clock.now()
    channel = settings_of(customer.company).token_type
    ConnectionProcess.objects.create(
        customer=customer,
        digest=identifiers.digest(token),
        code_digest=identifiers.digest(code),
        email=email,
        values=values,
        fail_runs=fail_runs,
        started_at=now,
        expires_at=now + LIFETIME,
    )
    recipient = values["columns"]["mobile_number"] if channel == Channel.SMS else email
    SentMessage.objects.create(company=customer.company, channel=channel, recipient=recipient, code=code, sent_at=now)
    return Step(token, code, channel, fail_runs)


def _check_taken(customer: Customer, email: str, columns: Mapping[str, Any]) -> None:
    if find_customer_by_email(customer.company, email) is not None:
        raise TakenError("email")
    username = columns.get("username")
    owner = find_customer_by_username(customer.company, username) if username else None
    if owner is not None and owner != customer:
        raise TakenError("username")
