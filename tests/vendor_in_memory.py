"""A vendor of API v3 in memory: settings, connections and sessions, by the interfaces of `protocols.base` alone."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils import timezone

from django_plenigo import errors
from django_plenigo.protocols import base

SERVICE = base.SERVICE

#: Seconds, and wrong codes (docs/protocols/plenigo-v3.md 6.5, the sandbox's choice).
PROCESS_SECONDS, MOST_TRIES = 15 * 60, 5

SETTINGS = base.SsoSettings(
    token_type=base.TokenType.EMAIL,
    allows_connection=True,
    requested=base.RequestedIdentifiers(customer_id=True, postcode=True),
)


@dataclass
class ImportedCustomer:
    """A customer who was imported without an e-mail address."""

    customer_id: str
    subscription_id: str = ""
    address: dict[str, str] = field(default_factory=dict)
    email: str = ""
    external_id: str = ""


@dataclass
class Process:
    """A connection that waits for its code."""

    customer: ImportedCustomer
    email: str
    code: str
    started_at: float
    wrong_codes: int = 0
    is_used: bool = False


class Vendor(base.SsoSettingsReader, base.AccountConnector, base.SessionKeeper, base.CustomerDirectory):
    """What the site calls, and what tests look at and turn."""

    def __init__(self) -> None:
        self.settings = SETTINGS
        self.customers: dict[str, ImportedCustomer] = {}
        self.processes: dict[str, Process] = {}
        self.sessions: dict[str, str] = {}
        self.transfers: dict[str, str] = {}
        self.calls: list[str] = []
        self.requests: list[base.ConnectionRequest] = []
        self.traits: list[base.BrowserTraits] = []
        self.sent: list[tuple[str, str]] = []
        """To whom which code was sent."""
        self.failures: list[Exception] = []
        """What the next calls raise, before anything is done."""
        self.meanwhile: list[Callable[[], Any]] = []
        """What happens at the site while the answers to the next codes are on their way."""
        self.number = 0

    def add(self, customer_id: str, *, subscription_id: str = "", **address: str) -> ImportedCustomer:
        self.customers[customer_id] = ImportedCustomer(customer_id, subscription_id, address)
        return self.customers[customer_id]

    def set(self, **values: Any) -> None:
        """Change settings; those of `RequestedIdentifiers` by their names."""
        requested = {name: values.pop(name) for name in list(values) if name in base.RequestedIdentifiers.__slots__}
        self.settings = replace(self.settings, requested=replace(self.settings.requested, **requested), **values)

    @property
    def last_code(self) -> str:
        return self.sent[-1][1]

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.failures:
            raise self.failures.pop(0)

    def _new(self, kind: str) -> str:
        self.number += 1
        return f"{kind}-{self.number}"

    def _new_code(self) -> str:
        self.number += 1
        return f"{self.number * 7919 % 1_000_000:06}"

    # ---- settings

    def read_sso_settings(self, language: str) -> base.SsoSettings:
        self._call("read_sso_settings")
        return replace(self.settings, terms_text=f"Terms ({language})")

    # ---- connection

    def start_connection(self, request: base.ConnectionRequest) -> base.ConnectionStep | base.AlreadyRegistered:
        self._call("start_connection")
        self.requests.append(request)
        customer = self._customer_of(request)
        if customer.email:
            return base.AlreadyRegistered()
        token = self._new("process")
        self.processes[token] = Process(customer, request.email, self._new_code(), timezone.now().timestamp())
        self.sent.append((request.mobile_number or request.email, self.processes[token].code))
        return base.ConnectionStep(token, self.settings.token_type)

    def _customer_of(self, request: base.ConnectionRequest) -> ImportedCustomer:
        for customer in self.customers.values():
            if request.customer_id is not None and request.customer_id.lstrip("0") != customer.customer_id:
                continue
            if request.subscription_id is not None and request.subscription_id.lstrip("0") != customer.subscription_id:
                continue
            given = {name: getattr(request, name) for name in ("postcode", "street", "street_number", "city")}
            if any(value is not None and value != customer.address.get(name) for name, value in given.items()):
                raise errors.RejectedError(SERVICE, "start_connection", status=400, code=base.NO_MATCH)
            return customer
        raise errors.NotFoundError(SERVICE, "start_connection", status=404, code=base.NO_MATCH)

    def _process_of(self, token: str, operation: str) -> Process:
        process = self.processes.get(token)
        if process is None or timezone.now().timestamp() > process.started_at + PROCESS_SECONDS:
            raise errors.RejectedError(SERVICE, operation, status=408, code=base.PROCESS_EXPIRED)
        if process.is_used:
            raise errors.RejectedError(SERVICE, operation, status=412, code=base.PROCESS_USED)
        return process

    def confirm_connection(
        self, token: str, code: str, traits: base.BrowserTraits = base.UNKNOWN_BROWSER
    ) -> base.CustomerSession | base.AlreadyRegistered:
        self._call("confirm_connection")
        self.traits.append(traits)
        process = self._process_of(token, "confirm_connection")
        if process.wrong_codes >= MOST_TRIES:
            raise errors.RejectedError(SERVICE, "confirm_connection", status=400, code=base.TOO_MANY_TRIES)
        if code != process.code:
            process.wrong_codes += 1
            raise errors.RejectedError(SERVICE, "confirm_connection", status=403, code=base.WRONG_CODE)
        process.is_used = True
        if process.customer.email:
            return base.AlreadyRegistered()
        process.customer.email = process.email
        session = self._session(process.customer.customer_id)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return session

    def resend_code(self, token: str) -> base.ConnectionStep:
        self._call("resend_code")
        process = self._process_of(token, "resend_code")
        del self.processes[token]
        new = self._new("process")
        self.processes[new] = replace(process, code=self._new_code())
        self.sent.append((process.email, self.processes[new].code))
        return base.ConnectionStep(new, self.settings.token_type, process.wrong_codes)

    # ---- sessions

    def _session(self, customer_id: str) -> base.CustomerSession:
        value = self._new("session")
        self.sessions[value] = customer_id
        return base.CustomerSession(value)

    def _sessions_of(self, customer_id: str) -> list[str]:
        return [value for value, owner in self.sessions.items() if owner == customer_id]

    def start_session(
        self, customer: base.CustomerRef, traits: base.BrowserTraits = base.UNKNOWN_BROWSER
    ) -> base.CustomerSession | base.SessionLimitReached:
        self._call("start_session")
        self.traits.append(traits)
        active = self._sessions_of(customer.value)
        if len(active) < self.settings.most_sessions:
            return self._session(customer.value)
        devices = tuple(base.ActiveSession(f"id-of-{each}", "Linux", "Firefox", timezone.now()) for each in active)
        return base.SessionLimitReached(devices, f"removal-token-of-{customer.value}")

    def end_sessions(self, removal_token: str, *, session_id: str | None = None) -> base.CustomerSession:
        self._call("end_sessions")
        customer_id = removal_token.rpartition("-")[2]
        for value in self._sessions_of(customer_id):
            if session_id in (None, f"id-of-{value}"):
                del self.sessions[value]
        return self._session(customer_id)

    def owner_of_session(self, session: base.CustomerSession) -> str | None:
        self._call("owner_of_session")
        return self.sessions.get(session.value)

    def read_session_customer(self, session: base.CustomerSession) -> base.Customer | None:
        raise NotImplementedError

    def create_transfer_token(self, session: base.CustomerSession) -> base.LoginPass | None:
        self._call("create_transfer_token")
        if session.value not in self.sessions:
            return None
        token = self._new("transfer")
        self.transfers[token] = self.sessions[session.value]
        return base.LoginPass(token, is_url=False, lifetime_seconds=30)

    def redeem_transfer_token(self, token: str) -> base.CustomerSession | None:
        raise NotImplementedError

    # ---- customers

    def register_user(self, email: str, *, fail_by_existing_email: bool = True, **values: Any) -> str:
        self._call("register_user")
        for customer in self.customers.values():
            if customer.email == email:
                if fail_by_existing_email:
                    raise errors.ConflictError(SERVICE, "register_user", status=400, code=base.EMAIL_TAKEN)
                return customer.customer_id
        customer_id = str(900_000 + len(self.customers))
        self.add(customer_id).email = email
        return customer_id

    def check_registration(self, email: str, **values: Any) -> None:
        pass

    def change_email(self, customer: base.CustomerRef, email: str) -> None:
        self._call("change_email")
        self.customers[customer.value].email = email

    def add_external_id(self, customer_id: str, external_id: str) -> None:
        self._call("add_external_id")
        self.customers[customer_id].external_id = external_id


#: The vendor of the test that runs: `backends` builds clients by a dotted path.
vendors: list[Vendor] = []


def connect(**options: Any) -> Vendor:
    """Return the vendor in place of a client."""
    return vendors[-1]


def has_verified_email(user: Any) -> bool:
    """Say that the site has verified every address."""
    return True


#: An account of API v3 in the setting PLENIGO. It never asks anybody but the vendor above.
ACCOUNT = {
    "API": "v3",
    "MODE": "stage",
    "COMPANY_ID": "COMPANY",
    "SECRET": "api-token",
    "DELIVERY": "",
    "CONNECTION_ANSWER_SECONDS": 0,
    "EMAIL_IS_VERIFIED": f"{__name__}.has_verified_email",
}
