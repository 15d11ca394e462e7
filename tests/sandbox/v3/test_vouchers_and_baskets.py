"""A purchase prepared with a voucher or a basket instead of offers: docs/protocols/plenigo-v3.md 5.1."""

import pytest

from django_plenigo.sandbox.identifiers import offer_id_of
from django_plenigo.sandbox.models import Company, Product
from django_plenigo.sandbox.seed import DAY_PASS

ITEMS = [{"plenigoOfferId": offer_id_of(DAY_PASS), "quantity": 1}]


@pytest.fixture
def prepare(v3):
    """Prepare a purchase of these fields and return status and body."""
    return lambda **body: v3.ask("POST", "checkout/preparePurchase", {"customerIpAddress": "203.0.113.7", **body})


def test_voucher_prepares_a_purchase_until_it_is_redeemed(prepare, sandbox):
    sandbox.create_voucher("SPRING", DAY_PASS)
    status, told = prepare(voucherCode="SPRING")
    assert status == 201
    assert sandbox.complete_purchase(told["purchaseId"], sandbox.create_customer()) > 0
    status, told = prepare(voucherCode="SPRING")
    assert (status, told["errorCode"]) == (400, 99400)
    assert [(flaw["field"], flaw["error"]) for flaw in told["validationErrors"]] == [("voucherCode", "redeemed")]


def test_voucher_that_is_too_old_is_refused(prepare, sandbox):
    voucher = sandbox.create_voucher("SPRING", DAY_PASS)
    voucher.expires_at = "2026-01-01T00:00:00Z"
    voucher.save()
    assert prepare(voucherCode="SPRING")[0] == 400


def test_voucher_is_known_to_the_letter_and_to_its_company_only(prepare, sandbox):
    sandbox.create_voucher("SPRING", DAY_PASS)
    assert prepare(voucherCode="spring")[0] == 400
    other = Company.objects.create(name="The Other Gazette")
    product = Product.objects.create(company=other, product_id="OTHER", title="Other", price=1)
    other.vouchers.create(code="AUTUMN", product=product)
    assert prepare(voucherCode="AUTUMN")[0] == 400


def test_basket_prepares_a_purchase_of_what_lies_in_it(prepare, sandbox):
    sandbox.fill_basket("B-1", DAY_PASS, quantity=3)
    status, told = prepare(basketId="B-1")
    assert status == 201
    assert sandbox.complete_purchase(told["purchaseId"], sandbox.create_customer()) > 0


def test_empty_basket_has_no_offer(prepare, sandbox):
    sandbox.company.baskets.create(basket_id="B-1")
    status, told = prepare(basketId="B-1")
    assert (status, told["errorCode"]) == (400, 90037)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"voucherCode": "SPRING", "items": ITEMS}, 90038),
        ({"voucherCode": "SPRING", "basketId": "B-1"}, 90038),
        ({"basketId": "B-1", "items": ITEMS}, 99400),
    ],
    ids=["voucher and items", "voucher and basket", "basket and items"],
)
def test_only_one_of_them_can_be_sold(prepare, sandbox, body, code):
    sandbox.create_voucher("SPRING", DAY_PASS)
    sandbox.fill_basket("B-1", DAY_PASS)
    status, told = prepare(**body)
    assert (status, told["errorCode"]) == (400, code)
