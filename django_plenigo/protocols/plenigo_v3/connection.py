"""How a call of API v3 is made, and how a customer is found in it."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from django_plenigo.errors import InvalidValueError, NotFoundError
from django_plenigo.protocols.base import SERVICE, CustomerRef, checked_id, reading
from django_plenigo.protocols.plenigo_v3 import answers, arguments
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Answer, Transport

#: Where the API's addresses begin below its host (docs/protocols/plenigo-v3.md 1.1).
ROOT = "/api/v3.0"


class Connection:
    """One company's door to the API. What the parts of the client have in common."""

    @without_secrets
    def __init__(
        self,
        *,
        transport: Transport,
        secrets: Sequence[str],
        uses_own_customer_ids: bool = False,
        mirrors_access_ids: bool = False,
    ) -> None:
        """Call with the first of the secrets, which is an API access token (1.2).

        With `uses_own_customer_ids` the site's external ids, which must be numbers, are the vendor's customer ids;
        with `mirrors_access_ids` access ids are copied to additional data of the customer (9).
        """
        self._transport = transport
        self._uses_own_customer_ids = arguments.checked_bool("uses_own_customer_ids", uses_own_customer_ids)
        self._mirrors_access_ids = arguments.checked_bool("mirrors_access_ids", mirrors_access_ids)
        if isinstance(secrets, str) or not secrets:
            raise InvalidValueError("secrets", "must be a list of at least one access token")
        self._header = {"X-plenigo-token": checked_id("secrets", secrets[0])}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} over {self._transport!r}>"

    def _call(self, operation: str, method: str, path: str, **options: Any) -> Answer:
        return self._transport.call(operation, method, ROOT + path, headers=self._headers, **options)

    def _headers(self) -> Mapping[str, str]:
        return self._header

    def _customer_id(self, customer: CustomerRef, operation: str) -> str:
        """Return the vendor's id of a customer; of an external id by a call (2).

        Raises `NotFoundError`, without a call for what is no customer id of this API: nobody has it.
        """
        customer = arguments.checked_customer(customer)
        if customer.is_external and not self._uses_own_customer_ids:
            return self._find_external(customer.value, operation)
        if not arguments.is_customer_id(customer.value):
            raise NotFoundError(SERVICE, operation, code="customer")
        return customer.value

    def _find_external(self, external_id: str, operation: str) -> str:
        path = f"/customers/customerIdByExternalSystemId/{segment(external_id)}"
        answer = self._call(operation, "GET", path, idempotent=True)  # it only reads
        return answers.required(answer, operation, "customerId", reading.id_text)


def segment(value: str) -> str:
    """Return a segment of a path, which can lead nowhere else whatever it holds."""
    encoded = quote(value, safe="")
    if encoded in (".", ".."):  # quote leaves dots alone, but as a whole segment they climb
        return encoded.replace(".", "%2E")
    return encoded
