"""What holds for every endpoint: who calls comes first, and one answer names everything that is wrong with a call."""

import pytest

PROBLEM = {"Error", "Rejected Value"}

UNPLAYED = "voucher/create"
CALLS = {
    "an endpoint": ("GET", "paywall/state"),
    "another method": ("DELETE", "paywall/state"),
    "a method that nobody knows": ("BREW", "externalUser/register"),
    "no endpoint": ("GET", "no/such/address"),
    "the root": ("GET", ""),
    "what is not played": ("POST", UNPLAYED),
}


@pytest.mark.parametrize(("method", "path"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("token", ["", "nonsense"])
def test_caller_who_is_not_known_learns_nothing_else(api, sandbox, method, path, token):
    answer = api(method, path, token=token)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
    assert "Allow" not in answer.headers


@pytest.mark.parametrize(
    ("name", "status"),
    [("another method", 405), ("no endpoint", 404), ("the root", 404), ("what is not played", 501)],
)
def test_caller_who_is_known_learns_what_is_wrong(api, sandbox, name, status):
    assert api(*CALLS[name]).status_code == status


BAD_PARAMETERS = {
    "register": (
        "POST",
        "externalUser/register",
        {
            "email": "no-address",
            "language": "german",
            "externalUserId": "x" * 101,
            "firstName": 7,
            "name": ["Moss"],
            "gender": "x" * 21,
            "failByExistingEmail": "perhaps",
            "withPasswordReset": 2,
        },
    ),
    "address": (
        "PUT",
        "user/A-1/address?useExternalCustomerId=true",
        {"gender": "", "firstName": None, "name": 7, "street": "x" * 256, "city": [], "country": "Germany"},
    ),
    "addAccess": (
        "POST",
        "access/A-1/add",
        {
            "productIds": [],
            "testMode": "perhaps",
            "startTime": "soon",
            "endTime": "2026-02-30",
            "useExternalCustomerId": "perhaps",
        },
    ),
    "addAccessWithDetails": (
        "POST",
        "access/A-1/addWithDetails",
        {"details": "P", "testMode": "perhaps", "startTime": "soon", "endTime": 7, "useExternalCustomerId": 2},
    ),
}


@pytest.mark.parametrize(("method", "path", "body"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_every_bad_parameter_has_its_key(api, ada, method, path, body):
    answer = api(method, path, json=body)
    assert (answer.status_code, set(answer.json())) == (400, set(body))
    assert all(set(problem) == PROBLEM for problem in answer.json().values())


def test_every_bad_parameter_of_one_detail_has_its_key(api, ada):
    detail = {"productId": "", "receipt": 7, "source": "x" * 256}
    answer = api("POST", f"access/{ada.customer_id}/addWithDetails", json={"details": [detail], "testMode": "perhaps"})
    assert (answer.status_code, set(answer.json())) == (400, {*detail, "testMode"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "user/product?customerId=A-1&productId=P&"),
        ("GET", "products/search?"),
        ("POST", "externalUser/A-1/createLoginToken?"),
    ],
)
def test_query_with_too_many_fields_is_refused_in_the_shape_of_bad_parameters(api, ada, method, path):
    answer = api(method, path + "a=1&" * 2000)
    assert (answer.status_code, set(answer.json()), set(answer.json()["query"])) == (400, {"query"}, PROBLEM)


class TestSlashInAnExternalId:
    def test_registration_refuses_what_no_path_could_name(self, api, sandbox):
        answer = api("POST", "externalUser/register", json={"email": "eve@example.com", "externalUserId": "a/b"})
        assert (answer.status_code, answer.json()["externalUserId"]["Rejected Value"]) == (400, "a/b")
        assert sandbox.customers() == []

    def test_customer_is_not_given_one_later(self, api, sandbox):
        customer = sandbox.create_customer()
        answer = api("PUT", f"externalUser/{customer.customer_id}/addExternalUserId", json={"externalUserId": "a/b"})
        assert (answer.status_code, set(answer.json())) == (400, {"externalUserId"})
        assert sandbox.customer(customer.customer_id).external_id is None
