from datetime import UTC, datetime, timedelta, timezone

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import UserCookie
from django_plenigo.protocols.plenigo_v2 import cookies
from django_plenigo.protocols.plenigo_v2.cookies import read_user_cookie, write_user_cookie

SECRET = "Zk7mTq2VbN4xWc9LrE1sHd6YpUa3JfGo8iQeXtKb"
CUSTOMER = "KX7P2MWQ4RTB"
ISSUED = datetime.fromtimestamp(1_700_000_000, UTC)
SOON = ISSUED + timedelta(minutes=5)
IV = bytes(range(16))

#: As the vendor's PHP SDK writes it, docs/protocols/plenigo-v2.md 4.3.
VENDORS = "c584f71a1d049f108e01a379a2e40d5e11e12497bd5ad64e915e1cab9a0d28b759d0000102030405060708090a0b0c0d0e0f"


def read(value, **options):
    return read_user_cookie(value, SECRET, **{"now": SOON, **options})


def written(customer_id=CUSTOMER, issued_at=ISSUED, **options):
    return write_user_cookie(customer_id, SECRET, issued_at=issued_at, **options)


def encrypted(plain: bytes) -> str:
    """Encrypt any text the vendor's way, without our signature."""
    return (cookies._apply_key_stream(plain, SECRET, IV) + IV).hex()


def with_other_customer(cookie: str, own: str, other: str) -> str:
    """Turn a reader's cookie into another's as an attacker does: without the secret, knowing only her own id."""
    first, bar, signature = cookie.partition("|")
    data = bytearray.fromhex(first)
    start = len(data) - 16 - len(own)
    for place, (old, new) in enumerate(zip(own.encode(), other.encode(), strict=True), start):
        data[place] ^= old ^ new
    return data.hex() + bar + signature


def test_write_user_cookie_begins_with_the_vendors_own():
    assert written(iv=IV).partition("|")[0] == VENDORS


def test_read_user_cookie_reads_the_vendors_own_as_not_authentic():
    assert read(VENDORS) == UserCookie(CUSTOMER, ISSUED, is_authentic=False)


def test_read_user_cookie_reads_our_own_as_authentic():
    assert read(written()) == UserCookie(CUSTOMER, ISSUED, is_authentic=True)


def test_read_user_cookie_reads_hexadecimals_in_capitals():
    assert read(VENDORS.upper()) == UserCookie(CUSTOMER, ISSUED, is_authentic=False)


@pytest.mark.parametrize("suffix", ["|", "|anything", "|" + "0" * 64, "|ü\ud800", "|a|b"])
def test_read_user_cookie_takes_no_foreign_suffix_for_authentic(suffix):
    assert read(VENDORS + suffix) == UserCookie(CUSTOMER, ISSUED, is_authentic=False)


def test_read_user_cookie_takes_no_tampered_suffix_for_authentic():
    cookie = written()
    tampered = cookie[:-1] + ("0" if cookie[-1] != "0" else "1")
    assert read(tampered) == UserCookie(CUSTOMER, ISSUED, is_authentic=False)


def test_read_user_cookie_takes_no_other_companys_signature_for_authentic():
    other = write_user_cookie(CUSTOMER, "another-secret-of-the-very-same-size-....", issued_at=ISSUED, iv=IV)
    assert not read(VENDORS + "|" + other.partition("|")[2]).is_authentic


def test_read_user_cookie_is_deceived_by_flipped_bits_of_the_vendors_form_only():
    forged = with_other_customer(written(), CUSTOMER, "VICTIM000001")
    assert read(forged) == UserCookie("VICTIM000001", ISSUED, is_authentic=False)


@pytest.mark.parametrize(
    "plain",
    [
        b"ci=>KX7P2MWQ4RTB&ts=>1700000000000",
        b"ts=>1700000000000&extra=>1&ci=>KX7P2MWQ4RTB&x",
    ],
    ids=["other order", "further pairs"],
)
def test_read_user_cookie_reads_pairs_in_any_order_and_skips_others(plain):
    assert read(encrypted(plain)) == UserCookie(CUSTOMER, ISSUED, is_authentic=False)


@pytest.mark.parametrize(
    "plain",
    [
        b"ts=>1700000000000",
        b"ci=>KX7P2MWQ4RTB",
        b"ts=>1700000000000&ci=>",
        b"ts=>1700000000000&ci=>  ",
        b"ts=>&ci=>KX7P2MWQ4RTB",
        b"ts=>soon&ci=>KX7P2MWQ4RTB",
        b"ts=>-1700000000000&ci=>KX7P2MWQ4RTB",
        "ts=>١٧٠٠٠٠٠٠٠٠٠٠٠&ci=>KX7P2MWQ4RTB".encode(),
        b"ts=>1700000000000\n&ci=>KX7P2MWQ4RTB",
        b"ts=>99999999999999999999999999&ci=>KX7P2MWQ4RTB",
        b"ts=1700000000000&ci=KX7P2MWQ4RTB",
        b"ts=>1700000000000&ci=>\xff\xfe",
        b"&",
        b"\x00",
    ],
)
def test_read_user_cookie_is_none_for_a_text_that_names_no_session(plain):
    assert read(encrypted(plain)) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "|",
        "|" + "0" * 64,
        VENDORS[:-1],
        VENDORS[:32],
        VENDORS[:30],
        VENDORS[:2] + " " + VENDORS[2:],
        VENDORS + "\n",
        "zz" + VENDORS[2:],
        "٠٠" + VENDORS[2:],
        VENDORS[2:],
        "00" * 5000,
    ],
)
def test_read_user_cookie_is_none_for_what_is_no_cookie(value):
    assert read(value) is None


def test_read_user_cookie_is_none_under_another_secret():
    assert read_user_cookie(VENDORS, "another secret", now=SOON) is None


@pytest.mark.parametrize("secrets", [["new", SECRET], (SECRET, "old"), [SECRET], SECRET], ids=str)
def test_read_user_cookie_tries_each_secret(secrets):
    assert read_user_cookie(VENDORS, secrets, now=SOON) == UserCookie(CUSTOMER, ISSUED, is_authentic=False)
    assert read_user_cookie(written(), secrets, now=SOON) == UserCookie(CUSTOMER, ISSUED, is_authentic=True)


def test_write_user_cookie_takes_the_first_secret():
    cookie = write_user_cookie(CUSTOMER, [SECRET, "old"], issued_at=ISSUED, iv=IV)
    assert cookie == written(iv=IV)


@pytest.mark.parametrize("secrets", ["", [], [""], [SECRET, ""], [SECRET, 5]], ids=str)
@pytest.mark.parametrize("value", [VENDORS, None])
def test_empty_secret_is_refused(secrets, value):
    with pytest.raises(InvalidValueError, match="secrets"):
        read_user_cookie(value, secrets, now=SOON)
    with pytest.raises(InvalidValueError, match="secrets"):
        write_user_cookie(CUSTOMER, secrets, issued_at=ISSUED)


@pytest.mark.parametrize(("seconds", "is_read"), [(86_400, True), (86_401, False)])
def test_read_user_cookie_reads_a_session_for_one_day(seconds, is_read):
    assert (read(VENDORS, now=ISSUED + timedelta(seconds=seconds)) is not None) is is_read


def test_read_user_cookie_takes_another_age():
    assert read(VENDORS, max_age_seconds=299) is None
    assert read(VENDORS, max_age_seconds=300) is not None


def test_read_user_cookie_reads_a_time_to_come():
    assert read(VENDORS, now=ISSUED - timedelta(days=2)) is not None


def test_read_user_cookie_asks_the_clock_by_itself():
    with time_machine.travel(SOON, tick=False):
        assert read_user_cookie(VENDORS, SECRET) is not None
    with time_machine.travel(ISSUED + timedelta(days=2), tick=False):
        assert read_user_cookie(VENDORS, SECRET) is None


@given(st.text(st.characters(), max_size=200))
@settings(database=None, deadline=None)
def test_read_user_cookie_never_fails_on_any_text(value):
    assert read(value) is None


@given(st.text("0123456789abcdefABCDEF", max_size=300), st.text(st.characters(), max_size=70))
@settings(database=None, deadline=None)
def test_read_user_cookie_never_fails_on_any_hexadecimals(value, suffix):
    assert read(f"{value}|{suffix}") is None


@given(st.lists(st.sampled_from([b"ts", b"ci", b"=>", b"&", b"1700000000000", b"AB", b"\xff", b" "]), max_size=12))
@settings(database=None, deadline=None)
def test_read_user_cookie_never_trusts_any_plaintext(parts):
    cookie = read(encrypted(b"".join(parts)))
    assert cookie is None or (cookie.customer_id.strip() and not cookie.is_authentic)


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=>-_ü", min_size=1, max_size=40), st.integers(0, 9_999_999_999_999))
@settings(database=None, deadline=None)
def test_read_user_cookie_reads_back_whatever_was_written(customer_id, milliseconds):
    issued_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    cookie = written(customer_id, issued_at)
    assert read(cookie, now=issued_at) == UserCookie(customer_id, issued_at, is_authentic=True)


def test_write_user_cookie_never_repeats_itself():
    assert len({written() for _ in range(50)}) == 50


def test_write_user_cookie_counts_time_in_utc():
    berlin = ISSUED.astimezone(timezone(timedelta(hours=1)))
    assert written(issued_at=berlin, iv=IV) == written(iv=IV)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("customer_id", {"customer_id": ""}),
        ("customer_id", {"customer_id": None}),
        ("customer_id", {"customer_id": 7}),
        ("issued_at", {"issued_at": None}),
        ("customer_id", {"customer_id": " "}),
        ("customer_id", {"customer_id": "A&ci=>B"}),
        ("customer_id", {"customer_id": "A\n"}),
        ("customer_id", {"customer_id": "\ud800"}),
        ("issued_at", {"issued_at": datetime(2024, 1, 1)}),
        ("issued_at", {"issued_at": datetime(1969, 12, 31, tzinfo=UTC)}),
        ("iv", {"iv": b""}),
        ("iv", {"iv": b"short"}),
    ],
)
def test_write_user_cookie_refuses_by_name(field, values):
    with pytest.raises(InvalidValueError) as refusal:
        written(**values)
    assert refusal.value.field == field


def test_user_cookie_hides_the_customer_from_its_repr():
    assert CUSTOMER not in repr(read(VENDORS))
