import hashlib
import hmac

import jwt
import pytest

from django_plenigo.protocols.plenigo_v2.jws import sign_hs256

SECRET = "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"

#: docs/protocols/plenigo-v2.md 1.3
CLAIMS_JSON = '{"jti":"655a3f2c1b7e45.12345678","aud":"plenigo","exp":1700000300,"companyId":"Rk3WvT8nYq1LzB5cXp7M"}'
TOKEN = (
    "eyJhbGciOiJIUzI1NiJ9."
    "eyJqdGkiOiI2NTVhM2YyYzFiN2U0NS4xMjM0NTY3OCIsImF1ZCI6InBsZW5pZ28iLCJleHAiOjE3MDAwMDAzMDAsImNvbXBhbnlJZCI6IlJr"
    "M1d2VDhuWXExTHpCNWNYcDdNIn0."
    "_JeiW1EqBACx2EYCleSfySbl4dV-zvKI8l_tPJN5Rx8"
)


def test_sign_hs256_gives_the_published_token():
    assert sign_hs256(CLAIMS_JSON, SECRET) == TOKEN


def test_sign_hs256_gives_another_signature_for_another_secret():
    other = sign_hs256(CLAIMS_JSON, SECRET[:-1] + "c")
    assert other.rpartition(".")[0] == TOKEN.rpartition(".")[0]
    assert other != TOKEN


def test_sign_hs256_writes_no_typ_into_the_header():
    assert jwt.get_unverified_header(sign_hs256("{}", SECRET)) == {"alg": "HS256"}


@pytest.mark.parametrize("length", range(8))
def test_sign_hs256_writes_no_padding_for_any_length(length):
    token = sign_hs256('{"k":"%s"}' % ("x" * length), SECRET)
    assert "=" not in token
    assert jwt.decode(token, SECRET, algorithms=["HS256"]) == {"k": "x" * length}


@pytest.mark.parametrize("secret", ["s" * 32, "s" * 64, "s" * 65, "schlüssel-" * 4])
def test_sign_hs256_keys_with_the_bytes_of_any_secret(secret):
    signed, _, signature = sign_hs256('{"k":"ÿ?>"}', secret).rpartition(".")
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    assert jwt.utils.base64url_decode(signature) == digest


def test_sign_hs256_signs_each_text_anew():
    assert sign_hs256('{"k":1}', SECRET) == sign_hs256('{"k":1}', SECRET) != sign_hs256('{"k":2}', SECRET)
