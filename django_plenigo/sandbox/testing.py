"""What tests ask and tell the sandbox."""

from datetime import timedelta
from functools import cached_property
from typing import Any

from . import callbacks, clock, companies, customers, imports, login_tokens, posting, preparations, purchases, webhooks
from .calls import ReceivedCall, called
from .models import (
    Basket,
    BasketItem,
    Company,
    Customer,
    Fault,
    OkePayContact,
    OkePayInstance,
    Product,
    Purchase,
    SentMessage,
    TwoCheckoutCustomer,
    TwoCheckoutMerchant,
    TwoCheckoutOrder,
    Voucher,
    Webhook,
)
from .okepay import payments
from .okepay.instances import seed_okepay
from .seed import MONTHLY, seed
from .twocheckout import merchants as twocheckout
from .twocheckout.orders import place_order


class Sandbox:
    """The demo company, its customers, the fault dial, the clock and a record of the calls.

    The record holds what came in since this object was made, from every thread of this process. Faults count calls
    that come in, and end by themselves; customers are named by their plenigo ids, of API v2 or v3.
    """

    def __init__(self) -> None:
        self.calls: list[ReceivedCall] = []
        """What has been called, oldest first. Clear it to count anew."""
        called.connect(self._record)  # weakly: the record ends with this object

    def _record(self, call: ReceivedCall, **kwargs: Any) -> None:
        self.calls.append(call)

    @cached_property
    def company(self) -> Company:
        """The demo company. Change it and save it."""
        return seed()

    def customers(self) -> list[Customer]:
        """Return all customers of the demo company, oldest first."""
        return list(self.company.customers.order_by("pk"))

    def customer(self, customer_id: str) -> Customer:
        """Return one customer as he is now. Raises `LookupError`."""
        customer = customers.find_customer(self.company, customer_id)
        customer = customer or customers.find_customer_by_number(self.company, customer_id)
        if customer is None:
            raise LookupError("The demo company has no customer with this id.")
        return customer

    def create_customer(self, email: str = "reader@example.com", external_id: str | None = None) -> Customer:
        """Register a customer past the API."""
        return customers.register_customer(self.company, email, external_id=external_id, fails_by_existing_email=True)

    def buy(self, customer: Customer | str, product_id: str, *, test_mode: bool = False) -> Purchase:
        """Let a customer have bought a product, also one that nobody manages."""
        buyer = self.customer(customer) if isinstance(customer, str) else customer
        return purchases.buy(buyer, product_id, test_mode=test_mode)

    def import_customer(self, product_id: str = MONTHLY, **address: str) -> Purchase:
        """Take in a customer without an e-mail address and return his subscription. `address`: columns of `Address`."""
        return imports.import_customer(self.company, product_id, address={**imports.ADDRESS, **address})

    def create_voucher(self, code: str, product_id: str) -> Voucher:
        """Issue a voucher, which gives a product for nothing, once. Raises `LookupError`."""
        return Voucher.objects.create(company=self.company, code=code, product=self._product(product_id))

    def fill_basket(self, basket_id: str, product_id: str, quantity: int = 1) -> Basket:
        """Put a product into a basket, which comes into being by it. Raises `LookupError`."""
        basket, _is_new = Basket.objects.get_or_create(company=self.company, basket_id=basket_id)
        BasketItem.objects.create(basket=basket, product=self._product(product_id), quantity=quantity)
        return basket

    def complete_purchase(self, purchase_id: str, customer: Customer | str | None = None) -> int:
        """Pay what API v3 has prepared, as its checkout does, and return the order's number; -1 means: had before.

        `customer` is who logs in at the checkout, where the preparation names nobody. Raises
        `preparations.TimedOutError`, or `customers.BlockedError` where the customer may buy no more.
        """
        prepared = preparations.find_prepared(self.company, purchase_id)
        named = self.customer(customer) if isinstance(customer, str) else customer
        buyer = prepared.customer or named
        if buyer is None:
            raise LookupError("The preparation names no customer, so somebody must log in.")
        try:
            return purchases.order_number(preparations.complete(prepared, buyer)[0])
        except preparations.OwnedError:
            return preparations.OWNED

    def sent_codes(self, recipient: str) -> list[str]:
        """Return the codes that were sent to an e-mail address or a mobile number, oldest first."""
        sent = SentMessage.objects.filter(company=self.company, recipient=recipient).exclude(code="")
        return list(sent.order_by("pk").values_list("code", flat=True))

    def send_callbacks(self, post: callbacks.Post = callbacks.post_over_http) -> int:
        """Send the callbacks that are due, and return how many were told.

        `post` takes address, body and headers and returns the status, so that a test can send them to its own client.
        """
        return callbacks.send_due(post)

    def twocheckout_merchant(self) -> TwoCheckoutMerchant:
        """Return the demo company's account at 2Checkout. Change it and save it."""
        return twocheckout.seed_demo()

    def twocheckout_customer(self, external_reference: str = twocheckout.EXTERNAL_REFERENCE) -> TwoCheckoutCustomer:
        """Return a customer at 2Checkout by your own reference. Raises `LookupError`."""
        found = twocheckout.find_customer(self.twocheckout_merchant(), external_reference, is_external=True)
        if found is None:
            raise LookupError("The demo company has no customer with this reference at 2Checkout.")
        return found

    def twocheckout_order(
        self, external_reference: str = "", product_id: str = MONTHLY, email: str = "reader@example.com"
    ) -> TwoCheckoutOrder:
        """Let somebody have followed a buy link of 2Checkout's; its webhooks are due now. Raises `LookupError`."""
        merchant, product = self.twocheckout_merchant(), self._product(product_id)
        return place_order(merchant, product, email, external_reference=external_reference)

    def add_webhook(self, kind: str, url: str, **options: Any) -> Webhook:
        """Let an address be told: `ipn`, `lcn` or `okepay`. `options` are columns of `Webhook`."""
        self.twocheckout_merchant()
        return Webhook.objects.create(company=self.company, kind=kind, url=url, **options)

    def send_webhooks(self, post: posting.PostAndRead = posting.post_and_read) -> int:
        """Send the webhooks that are due, and return how many were taken.

        `post` takes address, body and headers and returns a `posting.Reply`, so that a test can send them to its own
        client.
        """
        return webhooks.send_due(post)

    @cached_property
    def okepay(self) -> OkePayInstance:
        """The demo company's OkePay instance, whose contact 1 has a subscription. Change it and save it."""
        return seed_okepay()

    def okepay_contact(
        self, email: str = "reader@example.com", *, reference_id: str = "", interval: str = "P1M"
    ) -> OkePayContact:
        """Let somebody pay as on OkePay's payment page, and return the contact, whose `number` is `userId`.

        `interval` is that of a subscription, as PHP writes it; empty for a single payment. Webhooks tell of it.
        """
        contact = payments.contact_of(self.okepay, email)
        terms = payments.Terms(
            amount=1250, currency="CHF", purpose="Subscription", reference_id=reference_id, payment_interval=interval
        )
        payments.pay(contact, terms)
        return contact

    def create_login_token(self, customer: Customer | str) -> str:
        """Mint a log-in token past the API."""
        return login_tokens.mint_login_token(self.customer(customer) if isinstance(customer, str) else customer)

    def consume_login_token(self, token: str) -> Customer | None:
        """Do what a check-out page does with a token: return the customer, once."""
        return login_tokens.consume_login_token(self.company, token)

    def fail_next(
        self,
        status: int = 503,
        *,
        endpoint: str = "",
        times: int | None = 1,
        retry_after: int | None = None,
        body: str = "",
        after_work: bool = False,
    ) -> None:
        """Answer the next calls with a status. `retry_after` is in seconds; `times` None means always."""
        self._dial(Fault.Kind.STATUS, endpoint, times, after_work, status, retry_after_seconds=retry_after, body=body)

    def delay_next(
        self, seconds: float, *, endpoint: str = "", times: int | None = 1, after_work: bool = False
    ) -> None:
        """Delay the next calls. In process, a caller who would not wait that long times out at once."""
        self._dial(Fault.Kind.DELAY, endpoint, times, after_work, delay_seconds=seconds)

    def cut_next(self, *, endpoint: str = "", times: int | None = 1, after_work: bool = False) -> None:
        """Cut the connection of the next calls; `after_work`, only the answer is lost."""
        self._dial(Fault.Kind.CUT, endpoint, times, after_work)

    def garble_next(self, *, endpoint: str = "", times: int | None = 1, after_work: bool = False) -> None:
        """Answer the next calls with a page instead of JSON, and status 200."""
        self._dial(Fault.Kind.GARBAGE, endpoint, times, after_work)

    def clear_faults(self) -> None:
        """Let everything go well again."""
        Fault.objects.all().delete()

    def advance(self, seconds: float) -> None:
        """Age what the sandbox has issued. The time of the site itself goes on as before."""
        clock.advance(timedelta(seconds=seconds))

    def _product(self, product_id: str) -> Product:
        product = companies.find_product(self.company, product_id)
        if product is None:
            raise LookupError("The demo company sells no product with this id.")
        return product

    def _dial(
        self, kind: str, endpoint: str, times: int | None, after_work: bool, status: int = 503, **values: Any
    ) -> None:
        Fault.objects.create(
            kind=kind, endpoint=endpoint, remaining=times, after_work=after_work, status=status, **values
        )
