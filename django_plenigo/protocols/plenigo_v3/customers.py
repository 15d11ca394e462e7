"""Customers: registered, read, changed (docs/protocols/plenigo-v3.md 2)."""

from collections.abc import Mapping, Sequence

from django_plenigo.errors import ConflictError, InvalidValueError, NotFoundError
from django_plenigo.protocols.base import (
    CUSTOMER_ID_TAKEN,
    EMAIL_TAKEN,
    SERVICE,
    AccessRegistry,
    AdditionalDataKeeper,
    Customer,
    CustomerDirectory,
    CustomerFinder,
    CustomerReader,
    CustomerRef,
    FoundCustomer,
    ProfileKeeper,
    checked_id,
    checked_text,
    reading,
)
from django_plenigo.protocols.plenigo_v3 import answers, arguments
from django_plenigo.protocols.plenigo_v3.arguments import DATA_VALUE_LENGTH, TEXT_LENGTH
from django_plenigo.protocols.plenigo_v3.connection import Connection
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Answer

#: What the vendor tells of a customer and nobody sends back (2.1). All else of what was read is sent with a change,
#: since nobody knows whether an omitted value stays: also what this package does not know.
READ_ONLY = frozenset(
    {
        *("customerId", "registrationSource", "registrationDate", "ageVerificationPinEnabled", "status"),
        *("acceptedTerms", "ssoLoginProviders", "customerMarks", "addresses", "data", "twoFactorEnabled"),
        *("createdDate", "changedDate", "createdBy", "createdByType", "changedBy", "changedByType"),
    }
)

#: What a change leaves out unless it changes it: an address that was read may be an old one by the time it is written,
#: and the placeholder of an imported customer, which looks like any address, is refused when it comes back (1.3, 2.1).
#: The document asks for neither.
ADDRESS = frozenset({"email", "pseudoEmail"})

#: By what a customer is found, and what no change touches.
IDS = frozenset({"customerId", "externalSystemId"})

#: The keys of a customer's additional data that access ids are mirrored to (9).
ACCESS_ID_KEYS = ("accessId1", "accessId2", "accessId3", "accessId4")

OTHER_EXTERNAL_ID = "customer has another external id"

#: The status of a creation that has created nothing: there is a customer like this (1.5).
CREATED_BEFORE = 208


class Customers(
    Connection,
    CustomerDirectory,
    CustomerFinder,
    CustomerReader,
    ProfileKeeper,
    AdditionalDataKeeper,
    AccessRegistry,
):
    """The part of the client about customers."""

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
    ) -> str:
        """Return the customer who has the external id, else create one and return the vendor's customer id (9).

        An address that is somebody else's raises `ConflictError`, or answers with the id of the customer who owns it
        where `fail_by_existing_email` is False. The external id goes to `externalSystemId`; where the company keeps
        its own numeric customer ids, it becomes the customer id itself, which nothing can undo. Such a number may be
        a stranger's already, so there the customer who has it is the same only with the same address; with another
        one it is a `ConflictError`, and nothing is changed.
        """
        arguments.checked_bool("fail_by_existing_email", fail_by_existing_email)
        person = self._person(email, language, external_id, first_name, last_name)
        known = self._registered_before(external_id, email)
        if known is None:
            try:
                return self._create(person, external_id)
            except ConflictError as error:
                known = self._registered_before(external_id, email)  # another process was faster, or an answer was lost
                if known is None and error.code == EMAIL_TAKEN and not fail_by_existing_email:
                    owner = self._owner_of_email(email, "register_user")
                    if owner:
                        return owner
                if known is None:
                    raise
        self._change(known, "register_user", {name: person[name] for name in person if name not in IDS})
        return known.customer_id

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
        self._person(email, language, external_id, first_name, last_name)

    def _person(
        self, email: str, language: str, external_id: str | None, first_name: str, last_name: str
    ) -> dict[str, str]:
        """Return what a customer is created with, by the vendor's names (2.1)."""
        person = {"email": arguments.checked_email(email), "language": arguments.checked_language(language)}
        if external_id is not None and self._uses_own_customer_ids:
            person["customerId"] = arguments.checked_customer_id(external_id, "external_id")
        elif external_id is not None:
            person["externalSystemId"] = arguments.checked_external_id(external_id)
        return person | _names(first_name, last_name)

    def _create(self, person: Mapping[str, str], external_id: str | None) -> str:
        """Create a customer and return the vendor's customer id. Raises `ConflictError`.

        Whether a known address alone is answered as created before is not known, so only the id says who it is (1.5).
        """
        # A repeat meets the first attempt as a conflict, and the caller finds it by the external id.
        is_told_apart = external_id is not None
        answer = self._call("register_user", "POST", "/customers", json=person, idempotent=is_told_apart)
        customer = customer_of(answer, "register_user")
        own_id = customer.customer_id if self._uses_own_customer_ids else customer.external_id
        if answer.status == CREATED_BEFORE and (external_id is None or own_id != external_id):
            raise ConflictError(SERVICE, "register_user", status=answer.status, code=EMAIL_TAKEN)
        return customer.customer_id

    def _registered_before(self, external_id: str | None, email: str) -> Customer | None:
        """Return the customer who has the external id already, None where nobody has.

        Raises `ConflictError` where it is one of the company's own customer ids and another address has it.
        """
        if external_id is None:
            return None
        try:
            customer_id = self._customer_id(CustomerRef(external_id, is_external=True), "register_user")
            known = self._read(customer_id, "register_user")
        except NotFoundError:
            return None
        if self._uses_own_customer_ids and known.email.casefold() != email.casefold():
            raise ConflictError(SERVICE, "register_user", code=CUSTOMER_ID_TAKEN)
        return known

    def _owner_of_email(self, email: str, operation: str) -> str:
        """Return the id of the customer who has an address (2, a neighbour), "" where none has."""
        answer = self._call(operation, "GET", "/customers", params={"email": email}, idempotent=True)
        found = answers.objects_of(answer, operation, "items")
        owners = [each for each in found if answers.optional_text(each, "email").casefold() == email.casefold()]
        return reading.id_text(owners[0], "customerId") if len(owners) == 1 else ""

    @without_secrets
    def change_email(self, customer: CustomerRef, email: str) -> None:
        """Change a customer's e-mail address; `NotFoundError` for an unknown customer, `ConflictError` if taken (2)."""
        checked = arguments.checked_email(email)
        customer_id = self._customer_id(customer, "change_email")
        path = f"/customers/{customer_id}/email"
        self._call("change_email", "PUT", path, json={"email": checked}, idempotent=True)  # the same changes nothing

    @without_secrets
    def add_external_id(self, customer_id: str, external_id: str) -> None:
        """Give a customer an external id; `ConflictError` where either has one. It can be set once only (2.1, 9)."""
        external_id = arguments.checked_external_id(external_id)
        if self._uses_own_customer_ids and external_id == customer_id:
            return
        known = self.read_customer(CustomerRef(checked_id("customer_id", customer_id)))
        if self._uses_own_customer_ids or known.external_id not in (None, external_id):
            raise ConflictError(SERVICE, "add_external_id", code=OTHER_EXTERNAL_ID)
        self._change(known, "add_external_id", {"externalSystemId": external_id})

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
        """Change names and language of a customer; what is blank stays. `gender` is let be: names need none here."""
        values = _names(first_name, last_name)
        if language:
            values["language"] = arguments.checked_language(language)
        self._change(self.read_customer(customer), "change_profile", values)

    def _change(self, known: Customer, operation: str, changes: Mapping[str, str]) -> None:
        """Write all that was read of a customer with the changes: what is omitted may be lost (2.1)."""
        changed = {name: value for name, value in changes.items() if known.values.get(name) != value}
        if not changed:
            return
        kept = {name: value for name, value in known.values.items() if name not in READ_ONLY | ADDRESS}
        body = {**arguments.without_blanks(**kept), **changed}
        self._call(operation, "PUT", f"/customers/{known.customer_id}", json=body, idempotent=True)

    @without_secrets
    def check_customer(self, customer: CustomerRef) -> None:
        """Raise `NotFoundError` for an unknown customer."""
        self._read(self._customer_id(customer, "check_customer"), "check_customer")

    @without_secrets
    def find_customer_id(self, customer: CustomerRef) -> str:
        """Return the vendor's id of a customer, of an external id by one call; `NotFoundError` where nobody has it."""
        customer_id = self._customer_id(customer, "find_customer_id")
        if customer.is_external and self._uses_own_customer_ids:  # that it is her id is known, not that she is there
            return self._read(customer_id, "find_customer_id").customer_id
        return customer_id

    @without_secrets
    def find_owner_of_email(self, email: str) -> str:
        """Return the id of the customer who has an address (2, a neighbour); `NotFoundError` where none has."""
        owner = self._owner_of_email(arguments.checked_email(email), "find_owner_of_email")
        if not owner:
            raise NotFoundError(SERVICE, "find_owner_of_email", code="no such address")
        return owner

    @without_secrets
    def read_customer(self, customer: CustomerRef) -> Customer:
        """Return one customer; `NotFoundError` for an unknown one (2)."""
        return self._read(self._customer_id(customer, "read_customer"), "read_customer")

    def _read(self, customer_id: str, operation: str) -> Customer:
        answer = self._call(operation, "GET", f"/customers/{customer_id}", idempotent=True)  # it only reads
        return customer_of(answer, operation)

    @without_secrets
    def search_by_address(
        self,
        *,
        postcode: str,
        country: str,
        last_name: str = "",
        company_name: str = "",
        first_name: str = "",
        street: str = "",
        city: str = "",
        must_match_all: bool = True,
    ) -> Sequence[FoundCustomer]:
        """Return customers with an address like this (2.1)."""
        if not last_name and not company_name:
            raise InvalidValueError("last_name", "a last name or the name of a company is needed")
        given = {"last_name": last_name, "company_name": company_name, "first_name": first_name}
        given |= {"street": street, "city": city, "postcode": checked_text("postcode", postcode, TEXT_LENGTH)}
        names = {"postcode": "postcode", "lastName": "last_name", "companyName": "company_name"}
        names |= {"firstName": "first_name", "street": "street", "city": "city"}
        limits = {name: (ours, TEXT_LENGTH) for name, ours in names.items()}
        answer = self._call(
            "search_by_address",
            "POST",
            "/customers/searchByAddress",
            params={"useAnd": "true" if arguments.checked_bool("must_match_all", must_match_all) else "false"},
            json={"country": arguments.checked_country(country), **arguments.texts(limits, given.get)},
            idempotent=True,  # it only reads
        )
        found = answers.objects_of(answer, "search_by_address", "items")
        return [FoundCustomer(reading.id_text(each, "customerId"), each) for each in found]

    @without_secrets
    def read_additional_data(self, customer: CustomerRef) -> Mapping[str, str]:
        """Return a customer's additional data (2)."""
        return self._data(self._customer_id(customer, "read_additional_data"), "read_additional_data")

    @without_secrets
    def merge_additional_data(self, customer: CustomerRef, values: Mapping[str, str | None]) -> None:
        """Change some of a customer's additional data: the vendor takes the whole, so it is read before (2)."""
        checked = arguments.checked_data("values", values, with_removals=True)
        self._merge_data(customer, checked, "merge_additional_data")

    def _merge_data(self, customer: CustomerRef, values: Mapping[str, str | None], operation: str) -> None:
        customer_id = self._customer_id(customer, operation)
        known = self._data(customer_id, operation)
        merged = {key: value for key, value in {**known, **values}.items() if value is not None}
        if merged == known:
            return
        path = f"/customers/{customer_id}/additionalData"
        self._call(operation, "PUT", path, json={"data": arguments.checked_data("values", merged)}, idempotent=True)

    def _data(self, customer_id: str, operation: str) -> dict[str, str]:
        path = f"/customers/{customer_id}/additionalData"
        answer = self._call(operation, "GET", path, idempotent=True)  # it only reads
        data = reading.object_of(answer, operation).get("data") or {}
        if not isinstance(data, dict):
            raise reading.unexpected(answer, operation, "no data")
        return {key: value for key, value in data.items() if isinstance(value, str)}

    @without_secrets
    def import_access_ids(self, customer: CustomerRef, access_ids: Sequence[str | None]) -> None:
        """Mirror one to four access ids to the customer's additional data where the account wants that (9).

        The API knows no access ids: this site keeps them, and finds the customer by them. None leaves a position as it
        is.
        """
        if isinstance(access_ids, str | bytes) or not 1 <= len(access_ids) <= len(ACCESS_ID_KEYS):
            raise InvalidValueError("access_ids", "must be a list of one to four texts")
        values: dict[str, str | None] = {
            key: checked_id(f"access_ids[{position}]", value, DATA_VALUE_LENGTH)
            for position, (key, value) in enumerate(zip(ACCESS_ID_KEYS, access_ids, strict=False))
            if value is not None
        }
        if self._mirrors_access_ids and values:
            self._merge_data(customer, values, "import_access_ids")


def customer_of(answer: Answer, operation: str) -> Customer:
    """Return the customer of an answer. Raises `ProtocolError`."""
    values = reading.object_of(answer, operation)
    customer_id = reading.id_text(values, "customerId")
    if not customer_id:
        raise reading.unexpected(answer, operation, "no customerId")
    return Customer(
        customer_id,
        email=answers.optional_text(values, "email"),
        external_id=answers.optional_text(values, "externalSystemId") or None,
        status=answers.optional_text(values, "status"),
        values=values,
    )


def _names(first_name: str, last_name: str) -> dict[str, str]:
    """Return names by the vendor's names, without blank ones. A long one is cut: it is no reason to refuse anybody."""
    given = {"first_name": first_name[:TEXT_LENGTH], "last_name": last_name[:TEXT_LENGTH]}
    limits = {"firstName": ("first_name", TEXT_LENGTH), "lastName": ("last_name", TEXT_LENGTH)}
    return arguments.texts(limits, given.get)
