"""Section 1.3 of docs/protocols/plenigo-v2.md: every token that must be refused, and the odd ones that must not."""

import time

import pytest

from django_plenigo.sandbox.api import authentication
from django_plenigo.sandbox.credentials import COMPANY_ID, SECRET
from django_plenigo.sandbox.models import Company, UsedTokenId
from tests.sandbox.vendor_client import VendorClient, claims, segment, sign

HS256 = segment(b'{"alg":"HS256"}')


def unsigned(alg: str) -> str:
    return sign(claims(), header={"alg": alg}).rpartition(".")[0] + "."


REFUSED = {
    "no token": lambda: "",
    "no JSON Web Token": lambda: "nonsense",
    "two segments": lambda: sign(claims()).rpartition(".")[0],
    "another secret": lambda: sign(claims(), "x" * 40),
    "signature in upper case": lambda: sign(claims()).rpartition(".")[0] + "." + "A" * 43,
    "algorithm none": lambda: unsigned("none"),
    "another algorithm": lambda: sign(claims(), header={"alg": "HS512"}, digest="sha512"),
    "header without algorithm": lambda: sign(claims(), header={"typ": "JWT"}),
    "no company": lambda: sign(claims(companyId=None)),
    "unknown company": lambda: sign(claims(companyId="UnknownCompany000000")),
    "company id is no text": lambda: sign(claims(companyId=[COMPANY_ID])),
    "company id with NUL": lambda: sign(claims(companyId="\0")),
    "no audience": lambda: sign(claims(aud=None)),
    "another audience": lambda: sign(claims(aud="Frisbii Media")),
    "several audiences": lambda: sign(claims(aud=["plenigo", "others"])),
    "no expiry": lambda: sign(claims(exp=None)),
    "expired beyond the leeway": lambda: sign(claims(exp=int(time.time()) - 61)),
    "expiry is a text": lambda: sign(claims(exp=str(int(time.time()) + 300))),
    "expiry is true": lambda: sign(claims(exp=True)),
    "expiry is infinite": lambda: sign(claims(exp=float("inf"))),
    "expiry in thousands of seconds": lambda: sign(claims(exp=int(time.time()) // 1000)),
    "no jti": lambda: sign(claims(jti=None)),
    "empty jti": lambda: sign(claims(jti="")),
    "jti is a number": lambda: sign(claims(jti=7)),
    "claims are no object": lambda: f"{HS256}.{segment(b'[]')}.{segment(b'x')}",
    "claims nested without end": lambda: f"{HS256}.{segment(b'[' * 20000)}.{segment(b'x')}",
}


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED)
def test_bad_token_is_refused(api, token):
    answer = api("GET", "paywall/state", token=token())
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")


ACCEPTED = {
    "expired within the leeway": lambda: sign(claims(exp=int(time.time()) - 55)),
    "expiry far away": lambda: sign(claims(exp=10**30)),
    "another order": lambda: sign(dict(reversed(claims().items()))),
    "extra members": lambda: sign(claims(iat=int(time.time()) + 9999, x=[1]), header={"alg": "HS256", "typ": "JWT"}),
    "padding kept": lambda: sign(claims(jti="four"), padded=True),
    "jti of the PHP client": lambda: sign(claims(jti="655a3f2c1b7e45.12345678")),
    "long jti": lambda: sign(claims(jti="j" * 1000)),
}


@pytest.mark.parametrize("token", ACCEPTED.values(), ids=ACCEPTED)
def test_odd_but_good_token_is_accepted(api, token):
    assert api("GET", "paywall/state", token=token()).status_code == 200


def test_padding_is_really_kept():
    assert any("=" in sign(claims(jti="j" * length), padded=True) for length in range(3))


def test_published_vector_was_signed_with_the_demo_companys_secret():
    vector = {"jti": "655a3f2c1b7e45.12345678", "aud": "plenigo", "exp": 1700000300, "companyId": COMPANY_ID}
    assert sign(vector, SECRET).endswith("._JeiW1EqBACx2EYCleSfySbl4dV-zvKI8l_tPJN5Rx8")


def test_token_is_good_for_one_request(api):
    token = sign(claims())
    assert [api("GET", "paywall/state", token=token).status_code for _ in range(2)] == [200, 401]


def test_token_of_a_refused_request_is_spent_too(api):
    token = sign(claims())
    assert [api("GET", "product/unknown", token=token).status_code for _ in range(2)] == [404, 401]


def test_forged_token_does_not_spend_the_real_ones_jti(api):
    real = claims(jti="mine")
    api("GET", "paywall/state", token=sign(real, "x" * 40))
    assert api("GET", "paywall/state", token=sign(real)).status_code == 200


def test_two_companies_may_use_the_same_jti(api, other_company):
    other = sign(claims(jti="same", companyId=other_company.company_id), other_company.secret)
    own = sign(claims(jti="same"))
    assert {api("GET", "paywall/state", token=token).status_code for token in (other, own)} == {200}


def test_company_id_counts_to_the_letter(api, other_company):
    Company.objects.filter(pk=other_company.pk).update(company_id="abcdefghij1234567890")
    token = sign(claims(companyId="ABCDEFGHIJ1234567890"), other_company.secret)
    assert api("GET", "paywall/state", token=token).status_code == 401


def test_sandboxs_clock_makes_no_token_old(api, sandbox):
    sandbox.advance(86400)
    assert api("GET", "paywall/state").status_code == 200


def test_used_ids_are_forgotten_when_their_tokens_are_too_old_anyway(api, sandbox, monkeypatch, time_machine):
    monkeypatch.setattr(authentication, "_pruned_at", -authentication.PRUNE_SECONDS - 1)
    old = UsedTokenId.objects.create(company=sandbox.company, digest="d", forget_at=int(time.time()) - 1)
    api("GET", "paywall/state")
    assert not UsedTokenId.objects.filter(pk=old.pk).exists()
    assert UsedTokenId.objects.count() == 1


def test_demo_company_is_there_in_an_empty_database(db):
    assert not Company.objects.exists()
    assert VendorClient()("GET", "product/EgLUrT56328991046641").json()["price"] == 1.99
