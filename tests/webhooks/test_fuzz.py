"""Whatever is sent to an endpoint is no error of this site: about ten thousand bodies, many of them rightly signed."""

import hashlib
import hmac
import json
import random
import time
from urllib.parse import urlencode

import pytest
from django.test import RequestFactory
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_plenigo.models import WebhookDelivery
from django_plenigo.protocols.base import bodies
from django_plenigo.protocols.twocheckout.signing import signature as signature_of_2checkout
from django_plenigo.services import webhooks
from django_plenigo.webhooks import WebhookView

SECRET = "a secret that proves deliveries"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

#: How many bodies one example has: one that was made up, and what becomes of it by damage.
BODIES = 34

PORTALS = {
    "okepay": {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox", "WEBHOOK_KEYS": [SECRET]},
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
callbacks = st.fixed_dictionaries(
    {"entityType": st.sampled_from(["CUSTOMER", "ORDER"]), "callbackType": st.just("CHANGE"), "entityId": st.just("1")},
    optional={"entity": objects(NAMES_OF_PLENIGO)},
)

#: By source: how it signs, and what is sent.
SOURCES = {
    "plenigo": (sign_plenigo, (callbacks | objects(NAMES_OF_PLENIGO)).map(as_json) | raw),
    "okepay": (sign_okepay, objects(NAMES_OF_OKEPAY).map(as_json) | forms(NAMES_OF_OKEPAY).map(as_form) | raw),
    "2checkout": (sign_2checkout, forms(NAMES_OF_2CHECKOUT).map(as_form) | raw),
}

#: How each delivers, mostly.
TYPES = {"plenigo": JSON, "okepay": JSON, "2checkout": FORM}

headers_of_strangers = st.dictionaries(
    st.sampled_from(["plenigo-signature", "X-Webhook-Signature", "Transfer-Encoding", "Content-Length"]),
    st.text(st.characters(codec="latin-1"), max_size=80) | st.sampled_from(["t=1,s=", "t=9e9,s=0", "t=,s=a,s=b"]),
    max_size=2,
)
content_types = st.sampled_from([JSON, FORM, JSON, FORM, "application/json; charset=utf-16", "text/plain", "", "é"])


@pytest.fixture
def site(db, settings):
    """A site to which all three vendors deliver."""
    account = {"API": "v3", "MODE": "sandbox", "DELIVERY": "", "WEBHOOK_SECRETS": [SECRET]}
    settings.PLENIGO, settings.PLENIGO_PORTALS = {"default": account}, PORTALS
    return settings


def damaged(body, seed):
    """Return a body with some of its bytes cut out, doubled, or replaced."""
    numbers = random.Random(seed)
    for _ in range(numbers.randint(1, 3)):
        begin = numbers.randint(0, len(body))
        end = min(begin + numbers.randint(0, 8), len(body))
        middle = numbers.choice([b"", body[begin:end] * 2, numbers.randbytes(end - begin), b'"', b"%00", b"\\ud800"])
        body = body[:begin] + middle + body[end:]
    return body


@pytest.mark.parametrize("source", SOURCES)
def test_no_body_is_an_error_of_this_site(site, source):
    sign, sent_bodies = SOURCES[source]
    view, statuses = WebhookView.as_view(), set()

    # What has failed is told as it is: to look for the simplest body would take minutes.
    @hypothesis_settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(sent_bodies, content_types, headers_of_strangers, st.integers(0, 2**32))
    def send(body, content_type, headers, seed):
        for number in range(BODIES):
            sent = damaged(body, seed + number) if number else body
            sent, signed = sign(sent) if number % 3 else (sent, headers)
            # The view itself: the client costs more than all that is tested here.
            declared = content_type if number % 7 == 0 else TYPES[source]
            response = view(RequestFactory().generic("POST", "/", sent, declared, headers=signed), source=source)
            assert response.status_code == 200 or 400 <= response.status_code < 500, response.status_code
            assert response.status_code == 200 or response.content.startswith(b"Refused: ")
            statuses.add(response.status_code)
        # Nor is the work that comes of it.
        webhooks.work_due()
        refused = WebhookDelivery.objects.filter(reason="own_mistake").values_list("last_error", flat=True)
        failed = WebhookDelivery.objects.exclude(state="refused").exclude(last_error_type="")
        assert (list(refused), list(failed.values_list("last_error", flat=True))) == ([], [])
        WebhookDelivery.objects.all().delete()

    send()
    assert statuses >= {200, 400, 415}
