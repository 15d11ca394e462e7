"""Section 8 of docs/protocols/2checkout.md: IPN and LCN, their signatures, receipts and retries."""

from datetime import timedelta
from urllib.parse import parse_qsl

import pytest

from django_plenigo.sandbox import clock
from django_plenigo.sandbox.models import WebhookAttempt, WebhookDelivery
from django_plenigo.sandbox.models.webhooks import Signature
from django_plenigo.sandbox.twocheckout import orders, signatures
from django_plenigo.sandbox.twocheckout.webhooks import ChangedBy
from tests.sandbox.twocheckout.client import KEY, Merchant, signature

IPN = [
    *("2025-01-02 03:04:05", "1000037", "", "COMPLETE", "Zürich", "1", "Software program", "20250102030405"),
    *("352365983", "user-42"),
]
RECEIPT_OF_IPN = ["1", "Software program", "20250102030405", "20250102030410"]
RECEIPT_OF_LCN = ["3C343D0FAF", "2026-01-02", "20250102030410"]
MINUTE = 60

VECTORS = [
    (IPN, "md5", "c0b2ec128b0e8b648ab87640f8b22f7e"),
    (IPN, "sha256", "1c27d2d4d0d9b2b5bafc96d9f393a871048fab7c8fb8078f319216df88fbda8b"),
    (IPN, "sha3-256", "2cc51fbc14f4a7ebe9c3269219e55d0f8d4d888bd0605a6acb308abe960dc438"),
    (RECEIPT_OF_IPN, "sha256", "96a402efc02bae88abc8996eccd034c3f8195262513bf2c409cc66a47bea69b8"),
    (RECEIPT_OF_IPN, "sha3-256", "19a79cf8f25d8670b36c3b98691ba96af4fb0fcedf38ae272d65f8ba998572f7"),
    (RECEIPT_OF_LCN, "sha256", "64753b6590601347a84bcf82a0f79811155d60b277e1a520ed917ea72ad426da"),
    (RECEIPT_OF_LCN, "sha3-256", "a2de79eda3fbdbb4ecdbd354aee073e78e791d01f2a0e3bbd33c55722506d72f"),
]


class TestVectors:
    @pytest.mark.parametrize(("values", "algorithm", "expected"), VECTORS)
    def test_signature_is_that_of_the_vector(self, values, algorithm, expected):
        assert signatures.sign(KEY, Signature(algorithm), values) == expected

    def test_values_stand_behind_their_lengths_and_an_empty_one_is_a_zero(self):
        told = "192025-01-02 03:04:057100003708COMPLETE7Zürich1116Software program142025010203040593523659837user-42"
        assert signatures.measured(IPN).decode() == told

    def test_receipt_of_the_vendors_example_is_right(self):
        values = ["3C343D0FAF", "2005-03-03", "20081117145935"]
        assert signatures.measured(values) == b"103C343D0FAF102005-03-031420081117145935"
        assert signatures.sign("AABBCCDDEEFF", Signature.MD5, values) == "cb34fe2991668eb82364edf62f845a34"

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (f'<sig algo="sha256" date="20250102030410">{VECTORS[3][2]}</sig>', ""),
            (f'ok <sig algo="sha3-256" date="20250102030410">{VECTORS[4][2].upper()}</sig>!', ""),
            (f'<sig algo="sha3-256" date="20250102030410">{VECTORS[3][2]}</sig>', "wrong receipt"),
            (f'<sig algo="sha256" date="20250102030411">{VECTORS[3][2]}</sig>', "wrong receipt"),
            (f'<sig algo="md5" date="20250102030410">{VECTORS[3][2]}</sig>', "no receipt"),
            (f"<EPAYMENT>20250102030410|{'0' * 32}</EPAYMENT>", "no receipt"),
            (VECTORS[3][2], "no receipt"),
            ("", "no receipt"),
        ],
    )
    def test_receipt_is_checked(self, body, problem):
        assert signatures.check_receipt(body, KEY, RECEIPT_OF_IPN[:3], accepts_md5=False) == problem


@pytest.fixture
def ipn(sandbox):
    return sandbox.add_webhook("ipn", "https://site.example/ipn/")


@pytest.fixture
def lcn(sandbox):
    return sandbox.add_webhook("lcn", "https://site.example/lcn/")


class TestOrder:
    def test_order_is_told_by_an_ipn_and_then_its_subscription_by_an_lcn(self, sandbox, lcn, ipn, site):
        order = sandbox.twocheckout_order("user-42", "P_MONTHLY", "ada@example.com")
        assert sandbox.send_webhooks(site) == 2
        assert [url for url, _body, _headers in site.calls] == [
            "https://site.example/ipn/",
            "https://site.example/lcn/",
        ]
        told_of_order, told_of_subscription = site.told()
        assert told_of_order["REFNO"] == order.reference
        assert (told_of_order["ORDERSTATUS"], told_of_order["IPN_PID[]"]) == ("COMPLETE", "P_MONTHLY")
        for told in site.told():
            assert told["EXTERNAL_CUSTOMER_REFERENCE"] == "user-42"
            assert told["AVANGATE_CUSTOMER_REFERENCE"] == order.customer.reference
        assert told_of_subscription["LICENSE_CODE"] == told_of_order["IPN_LICENSE_REF[]"]
        assert (told_of_subscription["DISABLED"], told_of_subscription["TEST"]) == ("0", "0")

    def test_order_without_a_reference_carries_an_empty_one(self, sandbox, ipn, site):
        sandbox.twocheckout_order()
        sandbox.send_webhooks(site)
        assert site.told()[0]["EXTERNAL_CUSTOMER_REFERENCE"] == ""

    def test_single_product_is_no_subscription(self, sandbox, ipn, lcn, site):
        sandbox.twocheckout_order(product_id="P_BOOK")
        sandbox.send_webhooks(site)
        assert [url for url, _body, _headers in site.calls] == ["https://site.example/ipn/"]

    @pytest.mark.parametrize(
        ("chosen", "fields"),
        [
            (["md5", "sha256", "sha3-256"], ["SIGNATURE_SHA3_256", "SIGNATURE_SHA2_256", "HASH"]),
            (["sha256"], ["SIGNATURE_SHA2_256"]),
            (["md5"], ["HASH"]),
            ([], []),
        ],
    )
    def test_body_carries_the_signatures_that_the_address_asks_for(self, sandbox, site, chosen, fields):
        sandbox.add_webhook("ipn", "https://site.example/", signatures=chosen)
        sandbox.twocheckout_order("Zürich & co")
        sandbox.send_webhooks(site)
        _url, body, headers = site.calls[0]
        assert headers == {"Content-Type": "application/x-www-form-urlencoded"}
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
        names = [name for name, _value in pairs]
        values = [value for name, value in pairs if name not in ("SIGNATURE_SHA3_256", "SIGNATURE_SHA2_256", "HASH")]
        assert names[len(values) :] == fields
        told = dict(pairs)
        algorithms = {"SIGNATURE_SHA3_256": "sha3-256", "SIGNATURE_SHA2_256": "sha256", "HASH": "md5"}
        assert all(told[name] == signature(KEY, algorithms[name], *values) for name in fields)
        assert "\\" not in body.decode()

    def test_product_with_a_backslash_is_told_without_one(self, sandbox, ipn, site):
        product = sandbox.company.products.get(product_id="P_BOOK")
        product.title = "a\\b"
        product.save()
        sandbox.twocheckout_order(product_id="P_BOOK")
        sandbox.send_webhooks(site)
        assert site.told()[0]["IPN_PNAME[]"] == "a/b"


class TestReceipt:
    @pytest.mark.parametrize("algorithm", ["sha256", "sha3-256"])
    def test_right_receipt_ends_the_delivery(self, sandbox, ipn, lcn, algorithm):
        sandbox.twocheckout_order()
        assert sandbox.send_webhooks(Merchant(algorithm)) == 2
        assert WebhookDelivery.objects.filter(due_at=None).count() == 2

    @pytest.mark.parametrize(("chosen", "taken"), [(["md5"], 1), (["sha256"], 0)])
    def test_receipt_by_md5_counts_only_where_the_address_is_set_to_it(self, sandbox, chosen, taken):
        sandbox.add_webhook("ipn", "https://site.example/", signatures=chosen)
        sandbox.twocheckout_order()
        assert sandbox.send_webhooks(Merchant("md5")) == taken

    def test_answer_without_a_receipt_or_with_a_wrong_one_is_a_failure(self, sandbox, ipn, site):
        sandbox.twocheckout_order()
        site.answer_to = lambda body: "OK"
        assert sandbox.send_webhooks(site) == 0
        sandbox.advance(5 * MINUTE)
        site.answer_to = lambda body: f'<sig algo="sha256" date="20250102030410">{"0" * 64}</sig>'
        assert sandbox.send_webhooks(site) == 0
        errors = WebhookAttempt.objects.order_by("pk").values_list("status", "error")
        assert list(errors) == [(200, "no receipt"), (200, "wrong receipt")]

    def test_receipt_with_an_error_of_the_server_is_a_failure(self, sandbox, ipn, site):
        sandbox.twocheckout_order()
        site.status = 500
        assert sandbox.send_webhooks(site) == 0


class TestRetries:
    def test_they_come_at_once_then_two_four_and_one_an_hour_for_two_days(self, standing_time, sandbox, ipn, site):
        sandbox.twocheckout_order()
        site.status = 500
        made = []
        while (row := WebhookDelivery.objects.get()).due_at is not None:
            sandbox.advance((row.due_at - clock.now()).total_seconds())
            made.append((clock.now() - row.created_at) / timedelta(minutes=1))
            sandbox.send_webhooks(site)
        assert (len(site.calls), made[:3]) == (len(made), [0, 2.5, 5])
        assert made[3:7] == [20, 35, 50, 65]
        assert made[7:] == [65 + 60 * number for number in range(1, 47)]
        assert made[-1] <= 2 * 24 * 60 < made[-1] + 60

    def test_same_body_is_sent_each_time(self, sandbox, ipn, site):
        sandbox.twocheckout_order()
        site.status = None
        sandbox.send_webhooks(site)
        sandbox.advance(5 * MINUTE)
        site.status = 200
        assert sandbox.send_webhooks(site) == 1
        first, second = (body for _url, body, _headers in site.calls)
        assert first == second


class TestSubscription:
    def test_cancelled_subscription_is_told_once(self, sandbox, lcn, site, subscription):
        assert [orders.cancel(subscription), orders.cancel(subscription)] == [True, False]
        sandbox.send_webhooks(site)
        (told,) = site.told()
        assert (told["LICENSE_CODE"], told["RECURRING"], told["CHANGED_BY"]) == ("123D40F123", "0", "CUSTOMER")
        assert told["EXTERNAL_CUSTOMER_REFERENCE"] == "ext-352365983"
        assert told["EXPIRATION_DATE"] == f"{subscription.expires_at:%Y-%m-%d}"
        orders.resume(subscription, ChangedBy.VENDOR)
        sandbox.send_webhooks(site)
        assert (site.told()[1]["RECURRING"], site.told()[1]["CHANGED_BY"]) == ("1", "VENDOR")

    def test_cancellation_in_my_account_is_told(self, sandbox, lcn, site, signed_in):
        signed_in.open("/myaccount/my_subscription/")
        signed_in.send(1, action="cancel")
        assert sandbox.send_webhooks(site) == 1
        assert site.told()[0]["RECURRING"] == "0"

    def test_changed_customer_is_told_for_each_subscription(self, sandbox, lcn, site, signed_in):
        sandbox.twocheckout_order(email="jane.doe@example.com")
        signed_in.open("/myaccount/user_data/")
        signed_in.send(1, last_name="Moss")
        sandbox.send_webhooks(site)
        assert [told["LAST_NAME"] for told in site.told()] == ["Doe", "Moss", "Moss"]

    def test_term_that_is_over_is_renewed_and_told_and_a_cancelled_one_is_not(self, sandbox, lcn, site, customer):
        (row,) = orders.subscriptions_of(customer)
        first = row.expires_at
        sandbox.advance(70 * 86400)
        assert sandbox.send_webhooks(site) == 1
        (row,) = orders.subscriptions_of(customer)
        assert row.expires_at > first + timedelta(days=55)
        assert [told["CHANGED_BY"] for told in site.told()] == ["SYSTEM"]
        orders.cancel(row)
        sandbox.advance(70 * 86400)
        (ended,) = orders.subscriptions_of(customer)
        assert ended.expires_at == row.expires_at

    def test_reference_that_is_set_later_triggers_nothing(self, sandbox, lcn, ipn, site, customer):
        customer.external_reference = "another"
        customer.save()
        assert (sandbox.send_webhooks(site), site.calls) == (0, [])


def test_what_one_company_sells_is_told_to_none_of_another(sandbox, other_company, site):
    sandbox.add_webhook("ipn", "https://site.example/").company = other_company
    webhook = sandbox.add_webhook("ipn", "https://other.example/")
    webhook.company = other_company
    webhook.save()
    sandbox.twocheckout_order()
    sandbox.send_webhooks(site)
    assert [url for url, _body, _headers in site.calls] == ["https://site.example/"]
