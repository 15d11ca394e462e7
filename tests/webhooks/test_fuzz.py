"""Whatever is sent to an endpoint is no error of this site: ten thousand bodies each, most of them rightly signed.

What is made up is refused, most of it, where it is read. So the vendors' own deliveries take part too, as the sandbox
sends them, with a value changed, a field left out: these are believed, and worked on.
"""

import copy
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_plenigo.models import WebhookDelivery
from django_plenigo.protocols.base import bodies
from django_plenigo.protocols.twocheckout.signing import signature as signature_of_2checkout
from django_plenigo.sandbox import callbacks, seed
from django_plenigo.sandbox.models import Callback
from django_plenigo.sandbox.posting import Reply
from django_plenigo.services import customers, portals, webhooks
from django_plenigo.webhooks import WebhookView
from tests.factories import UserFactory
from tests.webhooks.conftest import URL

SECRET, TOKEN = "a secret that proves deliveries", "a-token-that-nobody-guesses-or-tries"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

#: Each of a hundred examples is a delivery, and what becomes of it by so many changes: ten thousand bodies in all.
BODIES = hypothesis_settings.default.max_examples

#: One of so many, all kinds among them, is sent to the address, through all of the site; the others cost far less.
BY_ADDRESS = 19

#: So many of an example's that were believed are worked on, which costs the most by far.
WORKED_ON = 10

OKEPAY = {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox"}
PORTALS = {
    "okepay": {**OKEPAY, "WEBHOOK_KEYS": [SECRET]},
    "okepay-by-token": {**OKEPAY, "WEBHOOK_TOKENS": [TOKEN]},
    "2checkout": {
        "BACKEND": "django_plenigo.protocols.twocheckout.TwoCheckout",
        "MODE": "sandbox",
        "MERCHANT": "SANDBOX001",
        "SECRET_KEY": SECRET,
    },
}

texts = st.text(max_size=20) | st.sampled_from(["", "\x00", "\ud800", "9" * 400, "1e999", "NaN", "-1", "ours"])
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))

NAMES_OF_PLENIGO = ["entityType", "callbackType", "entityId", "entity", "customerId", "items"]
NAMES_OF_OKEPAY = ["transaction", "subscription", "contact", "invoice", "id", "referenceId", "status", "email"]
NAMES_OF_2CHECKOUT = [
    *("IPN_DATE", "IPN_PID[]", "IPN_PNAME[]", "REFNO", "ORDERSTATUS", "LICENSE_CODE", "EXPIRATION_DATE", "DISABLED"),
    *("AVANGATE_CUSTOMER_REFERENCE", "EXTERNAL_CUSTOMER_REFERENCE", "HASH", "SIGNATURE_SHA2_256", "TEST"),
]


def objects(names):
    keys = st.sampled_from(names)
    return st.recursive(
        st.dictionaries(keys, values, max_size=5), lambda inner: st.dictionaries(keys, inner | values, max_size=5)
    )


def forms(names):
    keys = st.sampled_from(names) | st.sampled_from([f"{one}[{two}]" for one in names[:4] for two in names]) | texts
    return st.lists(st.tuples(keys, texts), max_size=8)


def as_json(value):
    return json.dumps(value).encode()


def as_form(pairs):
    return urlencode(pairs, errors="surrogatepass").encode()


raw = st.binary(max_size=200) | st.sampled_from(
    [b"[" * 100_000, b"%", b"a=%ff", b"&" * 3000, b"\xef\xbb\xbf{}", b"null"]
)


def sign_plenigo(body):
    now = str(int(time.time()))
    told = hmac.new(SECRET.encode(), now.encode() + b"." + body, hashlib.sha256).hexdigest()
    return body, {"plenigo-signature": f"t={now},s={told}"}


def sign_okepay(body):
    return body, {"X-Webhook-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}


def sign_2checkout(body):
    try:
        sent = bodies.form_pairs(body)
    except ValueError:
        return body, {}
    signed = [value for name, value in sent if name not in ("HASH", "SIGNATURE_SHA2_256", "SIGNATURE_SHA3_256")]
    told = signature_of_2checkout("sha3-256", SECRET, signed)
    return body + (b"&" if body else b"") + f"SIGNATURE_SHA3_256={told}".encode(), {}


#: Made-up callbacks that can be read, or nearly.
called_back = st.fixed_dictionaries(
    {"entityType": st.sampled_from(["CUSTOMER", "ORDER"]), "callbackType": st.just("CHANGE"), "entityId": st.just("1")},
    optional={"entity": objects(NAMES_OF_PLENIGO)},
)


@dataclass(frozen=True)
class Endpoint:
    """An address: how its vendor proves a body, by headers or the query, and what is made up for it."""

    prove: Callable[[bytes], tuple[bytes, dict[str, str]]]
    made_up: st.SearchStrategy[bytes]
    content_type: str
    query: str = ""


of_okepay = objects(NAMES_OF_OKEPAY).map(as_json) | forms(NAMES_OF_OKEPAY).map(as_form) | raw
ENDPOINTS = {
    "plenigo": Endpoint(sign_plenigo, (called_back | objects(NAMES_OF_PLENIGO)).map(as_json) | raw, JSON),
    "okepay": Endpoint(sign_okepay, of_okepay, JSON),
    "okepay-by-token": Endpoint(lambda body: (body, {}), of_okepay, JSON, f"?token={TOKEN}"),
    "2checkout": Endpoint(sign_2checkout, forms(NAMES_OF_2CHECKOUT).map(as_form) | raw, FORM),
}

headers_of_strangers = st.dictionaries(
    st.sampled_from(["plenigo-signature", "X-Webhook-Signature", "Transfer-Encoding", "Content-Length"]),
    st.text(st.characters(codec="latin-1"), max_size=80) | st.sampled_from(["t=1,s=", "t=9e9,s=0", "t=,s=a,s=b"]),
    max_size=2,
)
content_types = st.sampled_from([JSON, FORM, JSON, FORM, "application/json; charset=utf-16", "text/plain", "", "é"])


@pytest.fixture
def deliveries(sandbox, on_v3, settings):
    """What the vendors deliver of their own to a site: by endpoint, pairs of a body and its content type."""
    on_v3(WEBHOOK_SECRETS=[SECRET], EMAIL_IS_VERIFIED="tests.webhooks.conftest.is_verified")
    settings.PLENIGO_PORTALS = PORTALS
    told = {source: [] for source in ENDPOINTS}

    def post(url, body, headers):
        source = url.removeprefix("https://").partition(".")[0]
        told[source].append((body, headers["Content-Type"]))
        return Reply(200)

    Callback.objects.create(company=sandbox.company, url="https://plenigo.example", events=callbacks.EVENT_NAMES)
    link = customers.register(UserFactory())
    sandbox.buy(link.customer_id, seed.DAY_PASS)
    sandbox.send_callbacks(lambda *call: post(*call).status)
    for source in ("okepay", "okepay-by-token"):
        for content_type in ("json", "form"):
            sandbox.add_webhook("okepay", f"https://{source}.example", content_type=content_type)
    for kind in ("ipn", "lcn"):
        sandbox.add_webhook(kind, "https://2checkout.example", signatures=[])
    jane = UserFactory(username="jane", email="jane@example.com")
    for portal in ("okepay", "okepay-by-token"):
        sandbox.okepay_contact("jane@example.com", reference_id=portals.reference_for(jane, portal))
    sandbox.twocheckout_order(portals.reference_for(jane, "2checkout"), "P_MONTHLY", "jane@example.com")
    sandbox.send_webhooks(post)
    return told


def damaged(body, seed):
    """Return a body with some of its bytes cut out, doubled, or replaced."""
    numbers = random.Random(seed)
    for _ in range(numbers.randint(1, 3)):
        begin = numbers.randint(0, len(body))
        end = min(begin + numbers.randint(0, 8), len(body))
        middle = numbers.choice([b"", body[begin:end] * 2, numbers.randbytes(end - begin), b'"', b"%00", b"\\ud800"])
        body = body[:begin] + middle + body[end:]
    return body


#: What stands where something else should.
ODD = [None, True, 0, -1, 2**70, 10**400, 1e308, "", "\x00", "\ud800", "x" * 300, "4711", [], {}, [[]], {"": None}]


def changed(body, content_type, seed):
    """Return a body that can be read as before, with one to three of its values changed, left out, doubled."""
    numbers = random.Random(seed)
    if content_type == FORM:
        # Of bytes Python before 3.13 reads those of ASCII alone; Latin-1 has a character for each.
        texts = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in texts]
        for _ in range(numbers.randint(1, 3)):
            change_form(pairs, numbers)
        return urlencode(pairs).encode()
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return damaged(body, seed)
    for _ in range(numbers.randint(1, 3)):
        change_json(value, numbers)
    return as_json(value)


def change_form(pairs, numbers):
    place = numbers.randint(0, len(pairs))
    name, value = pairs[place] if place < len(pairs) else (b"a", b"b")
    odd = str(numbers.choice(ODD)).encode("utf-8", "surrogatepass")
    others = [(name, odd)], [(name, value)] * 2, [(odd[:50], value)], [(name + b"[]", value)], [(name + b"[0]", odd)]
    pairs[place : place + 1] = numbers.choice([[], *others])


def change_json(value, numbers):
    holders = list(holders_in(value))
    if not holders:
        return
    holder = numbers.choice(holders)
    key = numbers.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match numbers.randint(0, 4):
        case 0:
            del holder[key]
        case 1:
            holder[key] = [holder[key]] * 2
        case 2:
            holder[key] = {"id": holder[key]}
        case _:
            holder[key] = copy.deepcopy(numbers.choice(ODD))


def holders_in(value):
    """Yield each object and list that holds something."""
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from holders_in(inner)


@pytest.mark.parametrize("source", ENDPOINTS)
def test_no_body_is_an_error_of_this_site(deliveries, source):
    endpoint, view, client, requests = ENDPOINTS[source], WebhookView.as_view(), Client(), RequestFactory()
    genuine = st.sampled_from(deliveries[source])
    made_up = st.tuples(endpoint.made_up, st.just(endpoint.content_type))
    statuses: Counter[int] = Counter()

    def send(body, content_type, headers, query, *, by_address):
        address = URL.format(source) + query
        sent: dict[str, Any] = {"data": body, "content_type": content_type, "headers": headers}
        if by_address:
            return client.generic("POST", address, **sent)
        return view(requests.generic("POST", address, **sent), source=source)

    # What has failed is told as it is: to look for the simplest body would take minutes.
    @hypothesis_settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(genuine | made_up, content_types, headers_of_strangers, st.integers(0, 2**32))
    def send_all(delivery, odd_content_type, headers_of_a_stranger, seed):
        delivered, content_type = delivery
        for number in range(BODIES):
            body = delivered
            if number:
                body = changed(body, content_type, seed + number) if number % 2 else damaged(body, seed + number)
            if number % 5 == 0:
                headers, query = headers_of_a_stranger, ""
            else:
                (body, headers), query = endpoint.prove(body), endpoint.query
            declared = odd_content_type if number % 7 == 0 else content_type
            response = send(body, declared, headers, query, by_address=number % BY_ADDRESS == 1)
            assert response.status_code == 200 or 400 <= response.status_code < 500, response.status_code
            assert response.status_code == 200 or response.content.startswith(b"Refused: ")
            statuses[response.status_code] += 1
        # Nor is the work that comes of it. OkePay may refuse to say anything of an id that it cannot have.
        webhooks.work_due(limit=WORKED_ON)
        refused = WebhookDelivery.objects.filter(reason="own_mistake").values_list("last_error", flat=True)
        failed = WebhookDelivery.objects.exclude(state="refused").exclude(last_error_type__in=["", "RejectedError"])
        assert (list(refused), list(failed.values_list("last_error", flat=True))) == ([], [])
        WebhookDelivery.objects.all().delete()

    send_all()
    assert statuses.total() >= BODIES**2
    assert set(statuses) >= {200, 400, 415}
    # Most that is damaged is found out as it is read; enough is believed, and worked on.
    assert statuses[200] > statuses.total() / 50
