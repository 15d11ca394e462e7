"""Prepare purchases and complete them. Source: docs/protocols/plenigo-v3.md 5.1."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import router, transaction

from . import clock, identifiers, purchases
from .companies import find_basket, find_offer, find_voucher
from .customers import BlockedError, lock
from .events import tell_of_order
from .models import Company, Customer, PreparedPurchase, Purchase, Voucher

#: Our choice: the vendor says that a purchase id lives for a limited time.
LIFETIME = timedelta(hours=1)
#: Instead of an order's number: the customer has bought it before.
OWNED = -1


class TimedOutError(Exception):
    """The purchase id is unknown or too old. Codes 90003 and 90032."""


class OwnedError(Exception):
    """The customer has everything already, and the shop allows no second purchase."""


def prepare(company: Company, customer: Customer | None, body: Mapping[str, Any]) -> str:
    """Return a new purchase id. `body` is what the shop sent, made of what JSON has."""
    purchase_id = identifiers.new_token()
    PreparedPurchase.objects.create(
        company=company,
        customer=customer,
        digest=identifiers.digest(purchase_id),
        body=dict(body),
        expires_at=clock.now() + LIFETIME,
    )
    return purchase_id


def find_prepared(company: Company, purchase_id: str) -> PreparedPurchase:
    """Return what was prepared. Raises `TimedOutError`."""
    found = PreparedPurchase.objects.filter(company=company, digest=identifiers.digest(purchase_id))
    row = found.filter(expires_at__gt=clock.now()).select_related("company", "customer__company").first()
    if row is None:
        raise TimedOutError
    return row


def complete(prepared: PreparedPurchase, customer: Customer) -> list[Purchase]:
    """Record as paid what was prepared, once, and return it: one order.

    Raises `OwnedError`, and `BlockedError` where the customer may buy no more. `customer` is the one of the
    preparation, or who has logged in at the checkout.
    """
    with transaction.atomic(using=router.db_for_write(Purchase)):
        lock(customer)
        customer.refresh_from_db(fields=["status", "processing_blocked"])
        if not customer.is_let_in:
            raise BlockedError
        prepared.refresh_from_db(fields=["order_id"])
        if prepared.order_id:
            return list(customer.purchases.filter(order_id=prepared.order_id).order_by("pk"))
        sold = open_sales_of(prepared, customer)
        if not sold:
            raise OwnedError
        _redeem(prepared)
        order_id = identifiers.new_transaction_id()
        method = _payment_method_of(prepared.body)
        rows = [purchases.buy(customer, order_id=order_id, payment_method=method, **sale) for sale in sold]
        prepared.order_id = order_id
        prepared.save(update_fields=["order_id"])
        tell_of_order(rows)
        return rows


def sales_of(prepared: PreparedPurchase) -> list[dict[str, Any]]:
    """Return what was prepared and is still sold, each as `purchases.buy` takes it."""
    company, body = prepared.company, prepared.body
    if body.get("voucherCode"):
        voucher = find_voucher(company, body["voucherCode"])
        if voucher is None or not is_redeemable(voucher):
            return []
        return [{"product_id": voucher.product.product_id, "quantity": 1, "price": Decimal(0)}]
    if body.get("basketId"):
        basket = find_basket(company, body["basketId"])
        rows = basket.items.filter(product__company=company).select_related("product").order_by("pk") if basket else ()
        return [{"product_id": row.product.product_id, "quantity": row.quantity} for row in rows]
    return [sale for item in body.get("items", []) for sale in _sales(company, item)]


def is_redeemable(voucher: Voucher) -> bool:
    """Say whether a voucher is neither redeemed nor too old."""
    return voucher.redeemed_at is None and (voucher.expires_at is None or voucher.expires_at > clock.now())


def open_sales_of(prepared: PreparedPurchase, customer: Customer) -> list[dict[str, Any]]:
    """Return what of it a customer may buy: not what he owns, unless the shop allows a second purchase."""
    may_repeat = prepared.body.get("allowMultiplePurchases")
    return [sale for sale in sales_of(prepared) if may_repeat or not purchases.owns(customer, sale["product_id"])]


def _payment_method_of(body: Mapping[str, Any]) -> str:
    """Return what an order is paid with: what the shop forces, else the sandbox's own way if that is allowed."""
    allowed = body.get("allowedPaymentMethods") or [purchases.PAYMENT_METHOD]
    usual = purchases.PAYMENT_METHOD if purchases.PAYMENT_METHOD in allowed else allowed[0]
    return str(body.get("forcePaymentMethod") or usual)


def _redeem(prepared: PreparedPurchase) -> None:
    """Use the voucher up, if there is one. Raises `OwnedError` where somebody else was faster."""
    voucher = find_voucher(prepared.company, prepared.body.get("voucherCode", ""))
    if voucher is not None and not Voucher.objects.filter(pk=voucher.pk, redeemed_at=None).update(
        redeemed_at=clock.now()
    ):
        raise OwnedError


def _sales(company: Company, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is sold by one item, each as `purchases.buy` takes it."""
    quantity = item["quantity"]
    if "plenigoOfferId" in item:
        product = find_offer(company, item["plenigoOfferId"])
        # It may be gone since it was prepared.
        return [{"product_id": product.product_id, "quantity": quantity}] if product else []
    return [
        {
            "product_id": product.get("productId") or product["accessRightUniqueId"],
            "access_right_id": product["accessRightUniqueId"],
            "title": product["title"],
            "price": Decimal(str(product["price"])),
            "currency": product["currency"],
            "shipping_costs": Decimal(str(product.get("shippingCosts", 0))),
            "quantity": quantity,
        }
        for product in item["products"]
    ]
