"""Every vector of 2Checkout's signatures, and those that must fail (docs/protocols/2checkout.md 2, 4 and 8)."""

import hashlib
import hmac

import pytest

from django_plenigo.protocols.twocheckout.signing import ALGORITHMS, signature, signed_text

KEY = "sandbox-2co-secret"
DATE = "2025-01-02 03:04:05"
ORDER = [
    *("2025-01-02 03:04:05", "1000037", "", "COMPLETE", "Zürich", "1", "Software program", "20250102030405"),
    *("352365983", "user-42"),
]
RECEIPT_DATE = "20250102030410"


def encoded(*values):
    return [value.encode() for value in values]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (("SANDBOX001", DATE), "10SANDBOX001192025-01-02 03:04:05"),
        (("TËST", DATE), "5TËST192025-01-02 03:04:05"),
        (("AVANGATE", "2010-05-13 12:12:12"), "8AVANGATE192010-05-13 12:12:12"),
        (
            ORDER,
            "192025-01-02 03:04:057100003708COMPLETE7Zürich1116Software program142025010203040593523659837user-42",
        ),
        (
            ("1", "Software program", "20250102030405", RECEIPT_DATE),
            "1116Software program14202501020304051420250102030410",
        ),
        (("3C343D0FAF", "2026-01-02", RECEIPT_DATE), "103C343D0FAF102026-01-021420250102030410"),
        (("3C343D0FAF", "2005-03-03", "20081117145935"), "103C343D0FAF102005-03-031420081117145935"),
        (("",), "0"),
        ((), ""),
    ],
)
def test_each_value_stands_behind_its_length_in_bytes(values, text):
    assert signed_text(encoded(*values)) == text.encode()


@pytest.mark.parametrize(
    ("key", "values", "sha256", "sha3_256"),
    [
        (
            KEY,
            ("SANDBOX001", DATE),
            "50e981784d4fc1ab7551447bb23bdd442ac5d500b012ef235b8d41b39d2d5db9",
            "ecc00ce49e49000798a44961f1118cd4b263c5822c726ebbb86965990e658aa1",
        ),
        (
            KEY,
            ("TËST", DATE),
            "7058f90f7e92431cd8985011db762ff0a85d7a249be51e05b23f1997dbd90c9e",
            "8d41e5887e0b51a738caebeede2a600b626528d15dfcfe395683994615fcfe21",
        ),
        (
            "SECRET_KEY",
            ("AVANGATE", "2010-05-13 12:12:12"),
            "29e85dbf92ce0113e7755c31c0438a7db98a4de9f910bf0a527e005f35e43739",
            "0c7e9c0c96148e5bf8e199a0a0e27977edc099ff0b27794e761853b96e04c7fb",
        ),
        (
            KEY,
            ORDER,
            "1c27d2d4d0d9b2b5bafc96d9f393a871048fab7c8fb8078f319216df88fbda8b",
            "2cc51fbc14f4a7ebe9c3269219e55d0f8d4d888bd0605a6acb308abe960dc438",
        ),
        (
            KEY,
            ("1", "Software program", "20250102030405", RECEIPT_DATE),
            "96a402efc02bae88abc8996eccd034c3f8195262513bf2c409cc66a47bea69b8",
            "19a79cf8f25d8670b36c3b98691ba96af4fb0fcedf38ae272d65f8ba998572f7",
        ),
        (
            KEY,
            ("3C343D0FAF", "2026-01-02", RECEIPT_DATE),
            "64753b6590601347a84bcf82a0f79811155d60b277e1a520ed917ea72ad426da",
            "a2de79eda3fbdbb4ecdbd354aee073e78e791d01f2a0e3bbd33c55722506d72f",
        ),
    ],
)
def test_vector(key, values, sha256, sha3_256):
    assert signature("sha256", key, encoded(*values)) == sha256
    assert signature("sha3-256", key, encoded(*values)) == sha3_256


def test_vendors_own_kit_signs_alike():
    signed = signature("sha3-256", KEY, encoded("SANDBOX001", "2026-11-22 14:15:02"))
    assert signed == "7df070a39642a66d0ccf91e8ca0a1af4d8c917fb9c24f3dc4842f057f314ae72"


def test_length_in_characters_would_be_another_signature():
    wrong = "cd30b6dc47f8ff7e93098222c3df3a2aedc05220561d180171e89a07b5986bf7"
    text = f"4TËST19{DATE}".encode()
    assert hmac.new(KEY.encode(), text, "sha256").hexdigest() == wrong  # the vector is right
    assert signature("sha256", KEY, encoded("TËST", DATE)) != wrong


@pytest.mark.parametrize(
    ("key", "values", "md5"),
    [
        (KEY, ("SANDBOX001", DATE), "ae508bcf1779731c1b9bcd8fcb3f8a18"),
        (KEY, ("TËST", DATE), "a1e406ba1d2f4cb82a46144d25ebbd8a"),
        (KEY, ("SANDBOX001", "2026-11-22 14:15:02"), "6ec487164496d60d9600a574397e656f"),
        (KEY, ORDER, "c0b2ec128b0e8b648ab87640f8b22f7e"),
        # The vendor prints these two; the first it labels SHA256.
        ("SECRET_KEY", ("AVANGATE", "2010-05-13 12:12:12"), "bf763db7d333e9c3038698cf59ada3e6"),
        ("AABBCCDDEEFF", ("3C343D0FAF", "2005-03-03", "20081117145935"), "cb34fe2991668eb82364edf62f845a34"),
    ],
)
def test_md5_is_made_by_no_algorithm(key, values, md5):
    # The vector is right, so that it is not for another reason that nothing here makes it.
    assert hmac.new(key.encode(), signed_text(encoded(*values)), hashlib.md5).hexdigest() == md5
    assert "md5" not in ALGORITHMS
    assert md5 not in {signature(algorithm, key, encoded(*values)) for algorithm in ALGORITHMS}
