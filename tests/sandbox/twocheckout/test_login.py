"""Section 2 of docs/protocols/2checkout.md: the hash of a log-in, and the life of a session."""

import pytest

from django_plenigo.sandbox.models import TwoCheckoutMerchant, TwoCheckoutSession
from django_plenigo.sandbox.models.webhooks import Signature
from django_plenigo.sandbox.twocheckout import signatures
from tests.sandbox.twocheckout.client import CODE, KEY

DATE = "2025-01-02 03:04:05"
SHA256 = "50e981784d4fc1ab7551447bb23bdd442ac5d500b012ef235b8d41b39d2d5db9"
SHA3 = "ecc00ce49e49000798a44961f1118cd4b263c5822c726ebbb86965990e658aa1"
MD5 = "ae508bcf1779731c1b9bcd8fcb3f8a18"
REFUSED = (1, "AUTHENTICATION_FAILED")

#: merchant code, date, key, algorithm, hash
VECTORS = [
    (CODE, DATE, KEY, "md5", MD5),
    (CODE, DATE, KEY, "sha256", SHA256),
    (CODE, DATE, KEY, "sha3-256", SHA3),
    ("TËST", DATE, KEY, "md5", "a1e406ba1d2f4cb82a46144d25ebbd8a"),
    ("TËST", DATE, KEY, "sha256", "7058f90f7e92431cd8985011db762ff0a85d7a249be51e05b23f1997dbd90c9e"),
    ("TËST", DATE, KEY, "sha3-256", "8d41e5887e0b51a738caebeede2a600b626528d15dfcfe395683994615fcfe21"),
    ("AVANGATE", "2010-05-13 12:12:12", "SECRET_KEY", "md5", "bf763db7d333e9c3038698cf59ada3e6"),
    (
        *("AVANGATE", "2010-05-13 12:12:12", "SECRET_KEY", "sha256"),
        "29e85dbf92ce0113e7755c31c0438a7db98a4de9f910bf0a527e005f35e43739",
    ),
    (
        *("AVANGATE", "2010-05-13 12:12:12", "SECRET_KEY", "sha3-256"),
        "0c7e9c0c96148e5bf8e199a0a0e27977edc099ff0b27794e761853b96e04c7fb",
    ),
    (CODE, "2026-11-22 14:15:02", KEY, "md5", "6ec487164496d60d9600a574397e656f"),
    (
        *(CODE, "2026-11-22 14:15:02", KEY, "sha3-256"),
        "7df070a39642a66d0ccf91e8ca0a1af4d8c917fb9c24f3dc4842f057f314ae72",
    ),
]


@pytest.mark.parametrize(("code", "date", "key", "algorithm", "expected"), VECTORS)
def test_hash_is_that_of_the_vector(code, date, key, algorithm, expected):
    assert signatures.sign(key, Signature(algorithm), [code, date]) == expected


def test_length_counts_bytes_and_not_characters():
    wrong = "cd30b6dc47f8ff7e93098222c3df3a2aedc05220561d180171e89a07b5986bf7"
    assert signatures.sign(KEY, Signature.SHA256, ["TËST", DATE]) != wrong
    assert not signatures.is_signed(wrong, KEY, Signature.SHA256, ["TËST", DATE])


class TestLogin:
    @pytest.fixture(autouse=True)
    def at_that_time(self, time_machine):
        time_machine.move_to("2025-01-02T03:04:05Z", tick=False)

    @pytest.mark.parametrize(
        "params",
        [(SHA256, "sha256"), (SHA3, "sha3-256"), (SHA256.upper(), "sha256"), (SHA256,), (SHA256, None)],
        ids=["sha256", "sha3-256", "capital letters", "three params", "null"],
    )
    def test_right_hash_opens_a_session(self, rpc, params):
        session_id = rpc("login", CODE, DATE, *params)
        assert isinstance(session_id, str)
        assert TwoCheckoutSession.objects.exclude(digest=session_id).count() == 1

    @pytest.mark.parametrize(
        "params",
        [
            ("SANDBOX002", DATE, SHA256, "sha256"),
            ("sandbox001", DATE, SHA256, "sha256"),
            (CODE, DATE, SHA3, "sha256"),
            (CODE, DATE, SHA3),
            (CODE, DATE, SHA256[:-1] + "0", "sha256"),
            (CODE, DATE, "", "sha256"),
            (CODE, DATE, "ä" * 64, "sha256"),
            (CODE, DATE, SHA256, "sha512"),
            (CODE, DATE, SHA256, ""),
            (CODE, DATE, MD5, "md5"),
            (CODE, DATE, MD5),
            (CODE, "2025-01-02T03:04:05", SHA256, "sha256"),
            (CODE, "2025-13-02 03:04:05", SHA256, "sha256"),
            (CODE, "", SHA256, "sha256"),
        ],
    )
    def test_whatever_is_wrong_gets_the_same_answer(self, rpc, params):
        assert rpc("login", *params) == REFUSED

    def test_other_merchants_key_opens_nothing(self, rpc, other_company):
        TwoCheckoutMerchant.objects.create(company=other_company, merchant_code="TËST", secret_key="another")
        digest = "7058f90f7e92431cd8985011db762ff0a85d7a249be51e05b23f1997dbd90c9e"
        assert rpc("login", "TËST", DATE, digest, "sha256") == REFUSED
        TwoCheckoutMerchant.objects.filter(merchant_code="TËST").update(secret_key=KEY)
        assert isinstance(rpc("login", "TËST", DATE, digest, "sha256"), str)

    def test_md5_is_taken_where_the_switch_is_on_and_nothing_is_named(self, rpc, merchant):
        TwoCheckoutMerchant.objects.update(accepts_md5=True)
        assert isinstance(rpc("login", CODE, DATE, MD5), str)
        assert rpc("login", CODE, DATE, MD5, "md5") == REFUSED

    @pytest.mark.parametrize("seconds", [-301, -300, 300, 301])
    def test_date_may_differ_by_five_minutes_of_real_time(self, rpc, sandbox, time_machine, seconds):
        sandbox.advance(86400)
        time_machine.shift(seconds)
        assert isinstance(rpc("login", CODE, DATE, SHA256, "sha256"), str) is (abs(seconds) <= 300)

    def test_tolerance_can_be_set(self, rpc, merchant, time_machine):
        TwoCheckoutMerchant.objects.update(date_tolerance_seconds=10)
        time_machine.shift(11)
        assert rpc("login", CODE, DATE, SHA256, "sha256") == REFUSED

    def test_same_log_in_opens_several_sessions_which_all_live(self, rpc):
        first, second = (rpc("login", CODE, DATE, SHA256, "sha256") for _ in range(2))
        assert first != second
        for session_id in (first, second):
            assert isinstance(rpc("getCustomerInformation", session_id, 352365983), dict)


class TestSession:
    def test_it_lives_for_ten_minutes_from_the_log_in(self, rpc, session_id, sandbox):
        sandbox.advance(590)
        assert isinstance(rpc("getCustomerInformation", session_id, 352365983), dict)
        sandbox.advance(15)
        assert rpc("getCustomerInformation", session_id, 352365983) == (2, "SESSION_INVALID")

    @pytest.mark.parametrize(
        ("method", "params"),
        [
            ("getSingleSignOnByCustomer", ("1", "ExternalCustomerReference")),
            ("getSingleSignOn", ("123D40F123",)),
            ("getSingleSignOnInCart", ("1", "ExternalCustomerReference", "https://shop.example/")),
            ("getCustomerInformationBySSOToken", ("x",)),
            ("getCustomerInformation", (1,)),
        ],
    )
    def test_unknown_session_is_refused_by_every_method(self, rpc, method, params):
        assert rpc(method, "unknown", *params) == (2, "SESSION_INVALID")

    def test_sessions_that_are_over_are_forgotten_at_the_next_log_in(self, rpc, session_id, sandbox):
        sandbox.advance(601)
        rpc.log_in()
        assert TwoCheckoutSession.objects.count() == 1
