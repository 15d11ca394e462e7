"""Section 1.3 of docs/protocols/plenigo-v2.md: odd tokens that must be accepted, and how long one counts as used."""

import time

import pytest

from django_plenigo.sandbox.api import authentication
from django_plenigo.sandbox.credentials import COMPANY_ID, SECRET
from django_plenigo.sandbox.models import Company, UsedTokenId
from tests.sandbox.vendor_client import VendorClient, claims, sign

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
