"""What is for sale on one check-out page: the shop's signed words and the company's managed product in one."""

from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import router, transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import purchases
from ..companies import find_product
from ..customers import lock
from ..models import Company, Customer, Purchase
from .payment_data import PaymentData, PaymentDataError

DEFAULT_CURRENCY = "EUR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing to buy, as the page shows it and as the purchase records it."""

    product_id: str
    title: str
    price: Decimal
    currency: str
    shipping: Decimal
    test_mode: bool
    chooses_price: bool
    offers_again: bool
    confirms: bool
    pays_failed: bool
    renews: bool
    category_id: str
    segment_id: str
    redirect_uri: str
    csrf_token: str

    @property
    def total(self) -> Decimal:
        """Price and shipping."""
        return self.price + self.shipping

    def at_price(self, price: Decimal) -> "Offer":
        """Return the same offer at the price that the customer chose."""
        return replace(self, price=price)


def make_offer(company: Company, data: PaymentData, *, test_mode: bool) -> Offer:
    """Return what the page offers. Raises `PaymentDataError` for a product nobody can sell.

    A managed product keeps its own title and price unless the shop overrides them; a product that the company does not
    manage is sold as the shop describes it.
    """
    if data.pays_failed:
        return _offer(data, test_mode, data.product_id, _("Open payments"), data.price or Decimal(0), "")
    product = find_product(company, data.product_id)
    if product is not None and not data.overrides:
        chooses = data.chooses_price or product.choose_price
        offer = _offer(data, test_mode, product.product_id, product.title, product.price, product.currency)
        return replace(offer, chooses_price=chooses)
    title = data.title or (product.title if product else "")
    if not title or data.price is None:
        sentence = gettext_lazy(
            "The company sells no product with this id, and the shop gave no title and price for it."
        )
        raise PaymentDataError("product_unknown", sentence)
    sold_id = data.replacement_id if data.overrides and data.replacement_id else data.product_id
    currency = data.currency or (product.currency if product else "")
    return _offer(data, test_mode, sold_id, title, data.price, currency)


def is_owned(customer: Customer, offer: Offer) -> bool:
    """Say whether there is nothing to buy: the customer has the right, in the same mode."""
    return not offer.pays_failed and purchases.owns(customer, offer.product_id, test_mode=offer.test_mode)


def open_amount(customer: Customer, offer: Offer) -> Decimal:
    """Return what the customer's open payments come to."""
    return _blocked(customer, offer).aggregate(total=Sum("price"))["total"] or Decimal(0)


def pay(customer: Customer, offer: Offer, key: str, *, buys_again: bool) -> bool:
    """Record that the customer has paid, and say so. Paid debts give their rights back.

    The same key again changes nothing and counts as paid. False, and nothing is recorded, when the customer has come
    to own the product meanwhile, as in another tab, and does not mean to buy it again.
    """
    with transaction.atomic(using=router.db_for_write(Customer)):
        lock(customer)
        if offer.pays_failed:
            _blocked(customer, offer).update(is_blocked=False)
            return True
        is_paid = customer.purchases.filter(transaction_id=key).exists()
        if not is_paid and not buys_again and is_owned(customer, offer):
            return False
        purchases.buy(
            customer,
            offer.product_id,
            test_mode=offer.test_mode,
            price=offer.price,
            currency=offer.currency,
            title=offer.title,
            shipping_costs=offer.shipping,
            transaction_id=key,
        )
        return True


def _blocked(customer: Customer, offer: Offer) -> QuerySet[Purchase]:
    """Return the rights that the vendor has blocked because their payment failed."""
    return customer.purchases.filter(is_blocked=True, test_mode=offer.test_mode)


def _offer(
    data: PaymentData, test_mode: bool, product_id: str, title: str, price: Decimal | None, currency: str
) -> Offer:
    return Offer(
        product_id=product_id,
        title=title,
        price=price or Decimal(0),
        currency=currency or data.currency or DEFAULT_CURRENCY,
        shipping=data.shipping,
        test_mode=test_mode or data.test_mode,
        chooses_price=data.chooses_price,
        offers_again=data.offers_again,
        confirms=data.confirms,
        pays_failed=data.pays_failed,
        renews=data.renews,
        category_id=data.category_id,
        segment_id=data.segment_id,
        redirect_uri=data.redirect_uri,
        csrf_token=data.csrf_token,
    )
