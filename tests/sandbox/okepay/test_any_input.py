"""Whatever is sent, the API says what is wrong with it and does not fail."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_plenigo.sandbox.okepay.api import ENDPOINT_NAMES
from tests.sandbox.okepay.client import FORM, OkePayClient

PATHS = st.one_of(
    st.sampled_from([name.partition(".")[2] for name in ENDPOINT_NAMES]).flatmap(
        lambda name: st.sampled_from([name, f"{name}/", f"{name}/0/", f"{name}/17/", f"{name}/1/refund/"])
    ),
    st.text(st.characters(categories=["L", "N", "P"]), max_size=20).filter(lambda text: not set(text) & set("?#\\")),
)
NAMES = st.sampled_from(["userId", "amount", "currency", "paymentInterval", "model", "id", "instance", "ApiSignature"])
VALUES = st.one_of(st.sampled_from(["1", "0", "", "CHF", "P1M", "AuthToken", "%00", "%ff"]), st.text(max_size=8))
FORMS = st.lists(st.tuples(NAMES, VALUES), max_size=8).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")
)


@pytest.mark.usefixtures("db")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    path=PATHS,
    body=st.one_of(st.just(b""), st.binary(max_size=60), FORMS),
    content_type=st.sampled_from([FORM, "application/json", "text/plain", "", "application/json; charset=x"]),
    has_key=st.booleans(),
)
def test_no_call_makes_the_sandbox_fail(method, path, body, content_type, has_key):
    headers = {"Content-Type": content_type, **({"X-API-KEY": "sandbox-secret-42"} if has_key else {})}
    reply = OkePayClient().send(method, f"v1.0/{path}?instance=demo-instance", data=body, headers=headers)
    assert reply.status_code in {200, 400, 403, 404, 405, 422}
    assert reply.headers["Content-Type"] == "application/json"
    assert ("data" in reply.json()) == (reply.status_code == 200)
    assert has_key or reply.status_code != 200
