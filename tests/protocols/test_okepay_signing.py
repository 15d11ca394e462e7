"""Every vector of OkePay's signatures, and the one that must fail (docs/protocols/okepay.md 2)."""

import pytest

from django_plenigo.protocols.okepay.signing import api_signature, signed_text

SECRET = "sandbox-secret-42"

CANCELLED = [
    *(("id", "17"), ("userId", "0"), ("psp", "0"), ("purpose", ""), ("amount", "0"), ("currency", "")),
    *(("paymentInterval", ""), ("period", ""), ("cancellationInterval", ""), ("referenceId", "")),
    ("model", "Subscription"),
]
CREATED = [
    *(("userId", "4711"), ("psp", "4"), ("purpose", "Jahres-Abo & Café ~ 50% (a+b)"), ("amount", "1250")),
    *(("currency", "CHF"), ("paymentInterval", "P1M"), ("period", "P1Y"), ("cancellationInterval", "P1M")),
    *(("referenceId", ""), ("model", "Subscription")),
]


@pytest.mark.parametrize(
    ("parameters", "text", "signature"),
    [
        ([("userId", "1")], "userId=1", "ynuw4KYvJeiXCgTT8/yUEBHsbDzS9+DGzRYvAAyObxY="),
        ([("userId", "4711")], "userId=4711", "YhXHRMlGt6tgLVCRBfOH9d0Voz1KWyQ9HfrjhA+Q2do="),
        (
            [("userId", "1"), ("model", "AuthToken")],
            "userId=1&model=AuthToken",
            "YXJbwC4Kx7o1IoFAFvXwR08WG2w41gKh0AoGiSLRHLQ=",
        ),
        (
            [("userId", "4711"), ("model", "AuthToken")],
            "userId=4711&model=AuthToken",
            "afN+92wruSbcsGjnGOhSvVo4DtvHxoQp3ZwZiAIUJos=",
        ),
        (
            [("model", "AuthToken"), ("userId", "4711")],
            "model=AuthToken&userId=4711",
            "u5L1bqmIGoBKyOXUsF3mecA/7p3jtjPyuDOBE3bwG/Y=",
        ),
        (
            CREATED,
            "userId=4711&psp=4&purpose=Jahres-Abo+%26+Caf%C3%A9+%7E+50%25+%28a%2Bb%29&amount=1250&currency=CHF"
            "&paymentInterval=P1M&period=P1Y&cancellationInterval=P1M&referenceId=&model=Subscription",
            "ejWvMy++/CV6kMBVQ/fasQvth6bVKhjajP+oINb7zPM=",
        ),
        (
            CANCELLED,
            "id=17&userId=0&psp=0&purpose=&amount=0&currency=&paymentInterval=&period=&cancellationInterval="
            "&referenceId=&model=Subscription",
            "wM7ZIOOR1+t1HUkIuBmXItXIq8uJGU+5O5MsMvVFcBo=",
        ),
        ([("model", "SignatureCheck")], "model=SignatureCheck", "RU5US7ZQzkWQGWDvxcZUVsbME6qFN7iS0KTas8dyEkU="),
        ([], "", "JN61JO3wwdfn7td+EFGR9CUUW67RyRj7GrTfEcUA2PM="),
    ],
)
def test_vector(parameters, text, signature):
    assert signed_text(parameters) == text
    assert api_signature(SECRET, parameters) == signature


def test_another_secret_makes_another_signature():
    wrong = "KEGJYrLgxg74Xj1r6SYlQsniNCYXsnwXXdq0ZlaY/KE="
    assert api_signature("sandbox-secret-43", [("userId", "4711")]) == wrong
    assert api_signature(SECRET, [("userId", "4711")]) != wrong


def test_brackets_of_names_are_escaped():
    assert signed_text([("fields[email][value]", "a@b.example")]) == "fields%5Bemail%5D%5Bvalue%5D=a%40b.example"
