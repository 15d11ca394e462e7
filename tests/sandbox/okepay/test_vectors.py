"""The vectors of docs/protocols/okepay.md 2 and 6."""

from datetime import date
from urllib.parse import parse_qsl

import pytest

from django_plenigo.sandbox.models import OkePayContact, OkePaySubscription
from django_plenigo.sandbox.okepay import authentication, webhooks
from django_plenigo.sandbox.okepay.php import build_query, flattened
from tests.sandbox.okepay.client import FORM, SECRET, as_sent

SUBSCRIPTION = (
    "userId=4711&psp=4&purpose=Jahres-Abo+%26+Caf%C3%A9+%7E+50%25+%28a%2Bb%29&amount=1250&currency=CHF"
    "&paymentInterval=P1M&period=P1Y&cancellationInterval=P1M&referenceId=&model=Subscription"
)
CANCELLATION = (
    "id=17&userId=0&psp=0&purpose=&amount=0&currency=&paymentInterval=&period=&cancellationInterval="
    "&referenceId=&model=Subscription"
)

#: By number: what is signed, and the signature.
SIGNED = {
    1: ("userId=1", "ynuw4KYvJeiXCgTT8/yUEBHsbDzS9+DGzRYvAAyObxY="),
    2: ("userId=4711", "YhXHRMlGt6tgLVCRBfOH9d0Voz1KWyQ9HfrjhA+Q2do="),
    3: ("userId=1&model=AuthToken", "YXJbwC4Kx7o1IoFAFvXwR08WG2w41gKh0AoGiSLRHLQ="),
    4: ("userId=4711&model=AuthToken", "afN+92wruSbcsGjnGOhSvVo4DtvHxoQp3ZwZiAIUJos="),
    5: ("model=AuthToken&userId=4711", "u5L1bqmIGoBKyOXUsF3mecA/7p3jtjPyuDOBE3bwG/Y="),
    6: (SUBSCRIPTION, "ejWvMy++/CV6kMBVQ/fasQvth6bVKhjajP+oINb7zPM="),
    7: (CANCELLATION, "wM7ZIOOR1+t1HUkIuBmXItXIq8uJGU+5O5MsMvVFcBo="),
    8: ("model=SignatureCheck", "RU5US7ZQzkWQGWDvxcZUVsbME6qFN7iS0KTas8dyEkU="),
    9: ("", "JN61JO3wwdfn7td+EFGR9CUUW67RyRj7GrTfEcUA2PM="),
}
ANOTHER_SECRETS = "KEGJYrLgxg74Xj1r6SYlQsniNCYXsnwXXdq0ZlaY/KE="

SIGNING_KEY = "sandbox-webhook-key"
JSON_BODY = (
    '{"subscription":{"id":17,"uuid":"82m09f9","status":"active","start":"2025-01-01","end":null,'
    '"valid_until":"2025-02-01","paymentInterval":"P1M","invoice":{"referenceId":"order-42","amount":1250,'
    '"currency":"CHF"},"contact":{"id":4711,"uuid":"c0ffee00","email":"jane@example.com","firstname":"Jane",'
    '"lastname":"Doe"}}}'
)


@pytest.mark.parametrize(("signed", "expected"), SIGNED.values(), ids=map(str, SIGNED))
def test_signature_is_that_of_the_vendors_clients(signed, expected):
    assert authentication.signature(SECRET, signed) == expected


@pytest.mark.parametrize("number", SIGNED)
def test_parameters_that_arrived_are_signed_in_the_vendors_form(number):
    pairs = parse_qsl(SIGNED[number][0], keep_blank_values=True)
    assert build_query(pairs) == SIGNED[number][0]


@pytest.fixture
def vectors_subscription(contact, sandbox):
    """Subscription 17, which the vectors cancel and tell of."""
    OkePayContact.objects.filter(pk=contact.pk).update(uuid="c0ffee00", first_name="Jane", last_name="Doe")
    return OkePaySubscription.objects.create(
        contact=OkePayContact.objects.get(pk=contact.pk),
        number=17,
        uuid="82m09f9",
        start=date(2025, 1, 1),
        valid_until=date(2025, 2, 1),
        payment_interval="P1M",
        amount=1250,
        currency="CHF",
        reference_id="order-42",
    )


#: By vector: the call that carries it.
CALLS = {
    1: ("POST", "v1.0/AuthToken/"),
    2: ("POST", "v1.0/AuthToken/"),
    3: ("POST", "v1/AuthToken/0/"),
    4: ("POST", "v1/AuthToken/0/"),
    5: ("POST", "v1/AuthToken/0/"),
    6: ("POST", "v1/Subscription/0/"),
    7: ("DELETE", "v1/Subscription/17/"),
    8: ("GET", "v1/SignatureCheck/0/"),
    9: ("DELETE", "v1/Subscription/17/"),
}


@pytest.mark.parametrize("number", CALLS)
def test_call_with_the_vectors_signature_succeeds(okepay, vectors_subscription, number):
    method, path = CALLS[number]
    signed, signature = SIGNED[number]
    sent = as_sent([*parse_qsl(signed, keep_blank_values=True), ("ApiSignature", signature)])
    address = f"{path}?instance=demo-instance"
    if method == "GET":
        reply = okepay.send(method, f"{address}&{sent}")
    else:
        reply = okepay.send(method, address, data=sent, headers={"Content-Type": FORM})
    assert (reply.status_code, reply.json()["status"]) == (200, "success")


def test_signature_under_another_secret_fails(okepay, contact):
    sent = as_sent([("userId", "4711"), ("ApiSignature", ANOTHER_SECRETS)])
    reply = okepay.send("POST", "v1.0/AuthToken/?instance=demo-instance", data=sent, headers={"Content-Type": FORM})
    assert reply.status_code == 403


def test_bytes_of_the_vendors_php_client_succeed(okepay, contact):
    body = (
        "userId=4711&model=AuthToken&ApiSignature=afN%2B92wruSbcsGjnGOhSvVo4DtvHxoQp3ZwZiAIUJos%3D"
        "&instance=demo-instance"
    )
    headers = {"User-Agent": "okepay-php/1.0.0", "Content-Type": FORM}
    reply = okepay.send("POST", "v1/AuthToken/0/?instance=demo-instance", data=body, headers=headers)
    assert (reply.status_code, reply.json()["data"][0]["userId"]) == (200, 4711)


def test_purpose_of_the_vector_arrives_as_it_was_written(okepay, contact):
    sent = as_sent([*parse_qsl(SIGNED[6][0], keep_blank_values=True), ("ApiSignature", SIGNED[6][1])])
    assert "Jahres-Abo%20%26%20Caf%C3%A9%20~%2050%25%20%28a%2Bb%29" in sent.replace("%7E", "~")
    okepay.send("POST", "v1/Subscription/0/?instance=demo-instance", data=sent, headers={"Content-Type": FORM})
    assert OkePaySubscription.objects.latest("pk").purpose == "Jahres-Abo & Café ~ 50% (a+b)"


class TestWebhooks:
    @pytest.mark.parametrize(
        ("content_type", "length", "signature"),
        [
            ("json", 315, "88f496bc8f998084f6c404fccd956a4f846f01266a6d42770257619e552c44b0"),
            ("form", 569, "8b9e819333e5d658d701f528bd9401d02b9ee5971461f607d0f0c87a4e95eb12"),
        ],
    )
    def test_body_and_signature_are_the_vectors(
        self, sandbox, vectors_subscription, site, content_type, length, signature
    ):
        sandbox.add_webhook("okepay", "https://site.example/", signing_key=SIGNING_KEY, content_type=content_type)
        webhooks.tell_of_subscription(vectors_subscription)
        # Two years later it would have been renewed before anything is sent.
        OkePaySubscription.objects.update(status="cancelled")
        sandbox.send_webhooks(site)
        ((_url, body, headers),) = site.calls
        assert (len(body), headers["X-Webhook-Signature"]) == (length, signature)
        if content_type == "json":
            assert body.decode() == JSON_BODY
        else:
            assert body.startswith(b"subscription%5Bid%5D=17&subscription%5Buuid%5D=82m09f9&")

    def test_form_has_the_texts_of_php(self):
        values = {"a": None, "b": True, "c": False, "d": ["x", {"e": 1.0}], "f": "", "g": {}, "h": 1.5}
        assert flattened(values) == [
            ("b", "1"),
            ("c", "0"),
            ("d[0]", "x"),
            ("d[1][e]", "1"),
            ("f", ""),
            ("h", "1.5"),
        ]
