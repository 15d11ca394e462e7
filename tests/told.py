"""What the sandbox was told, whichever API told it: by the verbs of `protocols.base`."""

from typing import Any

from django_plenigo import conf
from django_plenigo.sandbox.models import Customer
from django_plenigo.sandbox.testing import Sandbox

#: What each verb that tells something calls, by the sandbox's names of the endpoints.
ENDPOINTS = {
    "v2": {
        "register_user": "register",
        "add_external_id": "addExternalUserId",
        "change_email": "changeEmail",
        "import_access_ids": "importCustomerAccess",
    },
    "v3": {
        "register_user": "createCustomer",
        "add_external_id": "updateCustomer",
        "change_email": "changeCustomerEmail",
        "import_access_ids": "replaceAdditionalData",
    },
}
#: How each says, with status 400, that an address is none that it takes.
BAD_EMAIL = {
    "v2": '{"email": {"Error": "unknown domain", "Rejected Value": "x"}}',
    "v3": '{"errorCode": 20059, "errorMessage": "No."}',
}
VERBS = {endpoint: verb for endpoints in ENDPOINTS.values() for verb, endpoint in endpoints.items()}


def endpoint_of(verb: str) -> str:
    """Return the endpoint that a verb tells something to, so that it can be made to fail."""
    return ENDPOINTS[conf.Account().generation][verb]


def rejection_of_email() -> str:
    """Return the body by which the site's API rejects an address."""
    return BAD_EMAIL[conf.Account().generation]


def told(sandbox: Sandbox) -> list[str]:
    """Return the verbs that have told something, in their order; what was only asked is left out."""
    return [VERBS[call.endpoint] for call in sandbox.calls if call.endpoint in VERBS]


def id_of(customer: Customer) -> str:
    """Return the id that the site's API has for a customer."""
    return {"v2": customer.customer_id, "v3": customer.number}[conf.Account().generation]


def access_ids_told_of(customer: Customer) -> dict[int, str]:
    """Return a customer's access ids by slot: of API v2 itself, or of the additional data that they are copied to."""
    own = dict(customer.access_identifiers.values_list("slot", "value"))
    data: dict[str, Any] = Customer.objects.get(pk=customer.pk).data
    return own | {int(key[-1]): value for key, value in data.items() if key.startswith("accessId")}
