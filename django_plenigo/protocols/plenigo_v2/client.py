"""The client of API v2: customers, login tokens, access (docs/protocols/plenigo-v2.md 1 and 2)."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django_plenigo.budget import within
from django_plenigo.errors import InvalidValueError, UnsupportedOperationError
from django_plenigo.protocols.base import (
    LONGEST_COOKIE,
    NAME_LENGTH,
    AccessReader,
    AccessRegistry,
    AccessRight,
    CheckoutCall,
    CheckoutOptions,
    CheckoutOrder,
    CheckoutSigner,
    CustomerDirectory,
    CustomerFinder,
    CustomerRef,
    LoginMinter,
    LoginPass,
    MultipleLoginMinter,
    PaywallReader,
    ProfileKeeper,
    SessionConfirmer,
    checked_external_id,
    checked_id,
    checked_path_id,
    checked_text,
    reading,
)
from django_plenigo.protocols.plenigo_v2 import answers, arguments
from django_plenigo.protocols.plenigo_v2.checkout import CheckoutBuilder
from django_plenigo.protocols.plenigo_v2.jws import sign_hs256
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Answer, Transport

#: How long a request token works, in seconds (docs/protocols/plenigo-v2.md 1.3).
TOKEN_SECONDS = 300

#: No request's address becomes longer, in bytes: longer ones are refused by servers and proxies here and there.
LONGEST_ADDRESS = 4096
#: What of it is left for host, path, and the names in the query.
ROOM_FOR_NAMES = 256


def new_token_id() -> str:
    """Return an id that no other request token has."""
    return str(uuid.uuid4())


class PlenigoV2(
    CustomerDirectory,
    CustomerFinder,
    ProfileKeeper,
    AccessRegistry,
    AccessReader,
    PaywallReader,
    LoginMinter,
    MultipleLoginMinter,
    SessionConfirmer,
    CheckoutSigner,
):
    """One company's door to plenigo's API v2.

    Every verb raises `InvalidValueError` before anything is sent, and those that call raise `RemoteError`.
    """

    @without_secrets
    def __init__(
        self,
        *,
        transport: Transport,
        company_id: str,
        secrets: Sequence[str],
        test_mode: bool = False,
        now: Callable[[], float] = time.time,
        new_jti: Callable[[], str] = new_token_id,
    ) -> None:
        """Sign with the first of the secrets. `now` is in seconds since the epoch; `new_jti` never repeats itself."""
        self._transport = transport
        self._company_id = checked_id("company_id", company_id)
        if isinstance(secrets, str) or not secrets:
            raise InvalidValueError("secrets", "must be a list of at least one secret")
        self._secret = checked_id("secrets", secrets[0])
        self._test_mode = arguments.checked_bool("test_mode", test_mode)
        self._now = now
        self._new_jti = new_jti
        self._checkout = CheckoutBuilder(self._secret, self._test_mode)

    def __repr__(self) -> str:
        return f"<PlenigoV2 over {self._transport!r}>"

    @without_secrets
    def register_user(
        self,
        email: str,
        *,
        language: str = "en",
        external_id: str | None = None,
        first_name: str = "",
        last_name: str = "",
        fail_by_existing_email: bool = True,
        with_password_reset: bool = False,
    ) -> str:
        """Register a customer and return plenigo's customer id (docs/protocols/plenigo-v2.md 2.1).

        An address that is registered already raises `ConflictError`, or answers with the id of the customer who owns
        it where `fail_by_existing_email` is False. With `with_password_reset` the vendor mails a one-time password.
        """
        body = {
            **_person(email, language, external_id, first_name, last_name),
            "withPasswordReset": arguments.checked_bool("with_password_reset", with_password_reset),
            "failByExistingEmail": arguments.checked_bool("fail_by_existing_email", fail_by_existing_email),
        }
        answer = self._call(
            "register_user",
            "POST",
            "/api/v2/externalUser/register",
            json=body,
            # The vendor answers with the first registration's id. But where it is told to fail, a repeat after a lost
            # answer would look like somebody else's address, and a second one-time password would void the first.
            idempotent=not fail_by_existing_email and not with_password_reset,
        )
        return answers.id_of(answer, "register_user", "customerId")

    @without_secrets
    def check_registration(
        self,
        email: str,
        *,
        language: str = "en",
        external_id: str | None = None,
        first_name: str = "",
        last_name: str = "",
    ) -> None:
        """Raise `InvalidValueError` where `register_user` would refuse to send one of the values. No I/O."""
        _person(email, language, external_id, first_name, last_name)

    @without_secrets
    def change_email(self, customer: CustomerRef, email: str) -> None:
        """Change a customer's e-mail address; `NotFoundError` for an unknown customer (2.1)."""
        self._call(
            "change_email",
            "PUT",
            _path(customer, "changeEmail"),
            params=_owner_of_id(customer),
            json={"email": arguments.checked_email(email)},
            idempotent=True,  # the same address again changes nothing
        )

    @without_secrets
    def add_external_id(self, customer_id: str, external_id: str) -> None:
        """Give a customer, addressed by plenigo's id, an external id; `ConflictError` where either has one (2.1)."""
        self._call(
            "add_external_id",
            "PUT",
            _path(CustomerRef(checked_id("customer_id", customer_id)), "addExternalUserId"),
            json={"externalUserId": checked_external_id(external_id)},
            idempotent=True,  # the same id again is no conflict
        )

    @without_secrets
    def change_profile(
        self,
        customer: CustomerRef,
        *,
        first_name: str = "",
        last_name: str = "",
        gender: str | None = None,
        language: str = "",
    ) -> None:
        """Change both names of a customer (2.1, changeAddress), which takes the vendor's word for her gender too.

        Raises `UnsupportedOperationError` for a language, and where no gender is given.
        """
        if language:
            raise UnsupportedOperationError("API v2 has no call that changes the language of a customer.")
        if gender is None:
            raise UnsupportedOperationError("API v2 changes names only together with a gender: see the setting GENDER.")
        self._call(
            "change_profile",
            "PUT",
            _path(customer, "address", "user"),
            params=_owner_of_id(customer),
            json={
                "gender": arguments.checked_gender(gender),
                "firstName": checked_text("first_name", first_name, NAME_LENGTH),
                "name": checked_text("last_name", last_name, NAME_LENGTH),
            },
            idempotent=True,  # the same names again change nothing
        )

    @without_secrets
    def create_login_token(self, customer: CustomerRef) -> LoginPass:
        """Return a new login token; it works once, and for 300 seconds (2.1, 5)."""
        # Not idempotent: each call leaves one more token that lets somebody in.
        answer = self._call(
            "create_login_token", "POST", _path(customer, "createLoginToken"), params=_owner_of_id(customer)
        )
        return answers.login_pass_of(answer, "create_login_token")

    @without_secrets
    def create_login_tokens(self, customer: CustomerRef, amount: int) -> list[LoginPass]:
        """Return 1 to 10 new login tokens of one customer, in one call (2.1): each snippet of a page needs its own."""
        amount = arguments.checked_amount(amount)
        path = _path(customer, "createMultipleLoginTokens")
        params = {"useExternalCustomerId": str(int(customer.is_external)), "amount": str(amount)}
        # Not idempotent, as above.
        answer = self._call("create_login_tokens", "POST", path, params=params, json={})
        return answers.login_passes_of(answer, "create_login_tokens", amount)

    def mint_login(self, customer: CustomerRef) -> LoginPass:
        """Return a new login token, as `create_login_token` does."""
        return self.create_login_token(customer)

    @without_secrets
    def import_access_ids(self, customer: CustomerRef, access_ids: Sequence[str | None]) -> None:
        """Set one to four access ids of a customer by position; None leaves that position as it is (2.1).

        `ConflictError` where one of them is another customer's.
        """
        customer = arguments.checked_customer(customer)
        self._call(
            "import_access_ids",
            "POST",
            "/api/v2/import/customerAccess",
            json={
                "customerId": customer.value,
                "useExternalCustomerId": customer.is_external,
                **arguments.checked_access_ids(access_ids),
            },
            idempotent=True,  # the same slots again change nothing
        )

    @without_secrets
    def has_bought(self, customer: CustomerRef, product_ids: Sequence[str]) -> Mapping[str, bool]:
        """Return yes or no per product (2.2); the customer may be addressed by an access id too.

        One call, or several where one address cannot carry all the products: they share the time of one. Raises
        `RemoteError` when nobody knows about any of them. While the company's paywall is off it is yes for everybody.
        """
        return {product_id: right.is_granted for product_id, right in self.rights_of(customer, product_ids).items()}

    @without_secrets
    def rights_of(self, customer: CustomerRef, product_ids: Sequence[str]) -> Mapping[str, AccessRight]:
        """Do as `has_bought`, with the `lifeTimeEnd` of each yes where there is one (2.2)."""
        products = arguments.checked_product_ids(product_ids)
        customer = arguments.checked_customer(customer)
        room = LONGEST_ADDRESS - ROOM_FOR_NAMES - len(quote(customer.value, safe=""))
        rights: dict[str, AccessRight] = {}
        with within(self._transport.timeout_seconds):
            for group in _grouped(products, room):
                rights |= self._rights_of(customer, group)
        return rights

    def _rights_of(self, customer: CustomerRef, products: Sequence[str]) -> Mapping[str, AccessRight]:
        answer = self._call(
            "has_bought",
            "GET",
            "/api/v2/user/product",
            params={
                "customerId": customer.value,
                "productId": ",".join(products),
                "testMode": _text_of_bool(self._test_mode),
                **_owner_of_id(customer),
            },
            idempotent=True,  # it only reads
            accepted=(403,),
        )
        return answers.rights_of(answer, "has_bought", products, self._now())

    @without_secrets
    def check_customer(self, customer: CustomerRef) -> None:
        """Raise `NotFoundError` for an unknown customer, by asking for her subscriptions (2.2).

        `has_bought` does not tell: its answer about a customer whom plenigo does not know is no.
        """
        answer = self._call(
            "check_customer",
            "GET",
            _path(customer, "subscriptions", "user"),
            params={"testMode": _text_of_bool(self._test_mode), **_owner_of_id(customer)},
            idempotent=True,  # it only reads
        )
        if not isinstance(reading.object_of(answer, "check_customer").get("elements"), list):
            raise reading.unexpected(answer, "check_customer", "no elements")

    @without_secrets
    def is_paywall_enabled(self) -> bool:
        """Say whether the company's paywall is on; while it is off the vendor grants access to everybody (2.2)."""
        answer = self._call("is_paywall_enabled", "GET", "/api/v2/paywall/state", idempotent=True)  # it only reads
        return answers.bool_of(answer, "is_paywall_enabled", "enabled")

    @without_secrets
    def confirm_user_cookie(self, value: str) -> str | None:
        """Return the customer id that a whole `plenigo_user` cookie stands for, None where the vendor knows no session.

        The only use of the cookie that may decide about money or a reader's data (2.2, 4.3). A browser can send
        anything: what no vendor wrote is None without a call.
        """
        try:
            cookie = checked_id("value", value, LONGEST_COOKIE)
        except InvalidValueError:
            if not isinstance(value, str):
                raise
            return None
        answer = self._call(
            "confirm_user_cookie",
            "GET",
            "/api/v2/user/profile/sessionCookie",
            params={"sessionCookie": cookie},
            idempotent=True,  # it only reads
            accepted=(400, 403),
        )
        if answer.status in (400, 403):  # no cookie of the vendor's, or no session
            reading.object_of(answer, "confirm_user_cookie")  # a firewall's page is no answer about sessions
            return None
        return answers.id_of(answer, "confirm_user_cookie", "userId", "id")

    @without_secrets
    def sign_checkout(
        self, order: CheckoutOrder, options: CheckoutOptions, login: LoginPass | None = None
    ) -> CheckoutCall:
        """Return the call that opens the checkout, as the vendor's builder prints it (3). No I/O."""
        return self._checkout.sign_checkout(order, options, login)

    def _call(self, operation: str, method: str, path: str, **options: Any) -> Answer:
        return self._transport.call(operation, method, path, headers=self._token_header, **options)

    def _token_header(self) -> dict[str, str]:
        """Return the header of one attempt, signed anew: a token is accepted once (1.3)."""
        claims = {
            "jti": self._new_jti(),
            "aud": "plenigo",
            "exp": int(self._now()) + TOKEN_SECONDS,
            "companyId": self._company_id,
        }
        return {"plenigoToken": sign_hs256(json.dumps(claims, separators=(",", ":")), self._secret)}


def _person(
    email: str, language: str, external_id: str | None, first_name: str, last_name: str
) -> dict[str, str | bool]:
    """Return the part of a registration that says who it is, by the vendor's names (2.1)."""
    person: dict[str, str | bool] = {
        "email": arguments.checked_email(email),
        "language": arguments.checked_language(language),
    }
    if external_id is not None:
        person["externalUserId"] = checked_external_id(external_id)
    if first_name:
        person["firstName"] = checked_text("first_name", first_name, NAME_LENGTH)
    if last_name:
        person["name"] = checked_text("last_name", last_name, NAME_LENGTH)
    return person


def _path(customer: CustomerRef, verb: str, kind: str = "externalUser") -> str:
    """Return a path below a customer, whose id can lead nowhere else whatever it holds."""
    encoded = quote(checked_path_id("customer", arguments.checked_customer(customer).value), safe="")
    if encoded in (".", ".."):  # quote leaves dots alone, but as a whole segment they climb
        encoded = encoded.replace(".", "%2E")
    return f"/api/v2/{kind}/{encoded}/{verb}"


def _owner_of_id(customer: CustomerRef) -> dict[str, str]:
    """Return the query that says whose id it is: the vendor's or the site's."""
    return {"useExternalCustomerId": _text_of_bool(customer.is_external)}


def _text_of_bool(value: bool) -> str:
    return "true" if value else "false"


def _grouped(product_ids: Sequence[str], room: int) -> Iterator[list[str]]:
    """Yield the products in groups that fit into so many bytes of a query."""
    group: list[str] = []
    used = 0
    for product_id in product_ids:
        length = len(quote(f"{product_id},", safe=""))
        if group and used + length > room:
            yield group
            group, used = [], 0
        group.append(product_id)
        used += length
    yield group
