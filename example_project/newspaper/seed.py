"""What the demo newspaper starts with: articles, offers and log-ins. All of it can be seeded again and again."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from django_plenigo.errors import PortalBindingError, RemoteError
from django_plenigo.services import access, customers, portals
from newspaper.models import Article, Offer, Reader
from newspaper.products import DAY_PASS, MONTHLY, SANDBOX_IDS, YEARLY

ARTICLES = Path(__file__).resolve().parent / "articles"

#: The files of `ARTICLES`, the newest first.
NEWEST_FIRST = (
    "tram-line-six",
    "moss-clock",
    "night-ferry",
    "organ-in-the-silo",
    "repair-workshop",
    "river-sensors",
    "library-of-recipes",
    "harbour-prices",
    "town-hall-clock",
)
HOURS_BETWEEN_ARTICLES = 5

#: What the sandbox's vendors call the customers that they have from the start, by portal.
CUSTOMERS_ELSEWHERE = {"okepay": "1", "2checkout": "352365983"}

#: What the sandbox's vendors tell by themselves, each kind at the address of a portal.
WEBHOOKS = {"okepay": "okepay", "ipn": "2checkout", "lcn": "2checkout"}

#: The first call to the sandbox loads its code, which alone may outlast the timeout of one call on a busy machine.
TRIES = 3

#: Products that the sandbox has, by our names. The database holds the English texts; pages translate them.
OFFERS: dict[str, dict[str, Any]] = {
    DAY_PASS: {
        "title": gettext_noop("Day pass"),
        "description": gettext_noop("Every article, until this time tomorrow."),
        "price": Decimal("1.99"),
        "period": Offer.Period.DAY,
        "position": 1,
    },
    MONTHLY: {
        "title": gettext_noop("Monthly subscription"),
        "description": gettext_noop("Every article, month by month, for as long as you like."),
        "price": Decimal("9.90"),
        "period": Offer.Period.MONTH,
        "position": 2,
    },
    YEARLY: {
        "title": gettext_noop("Yearly subscription"),
        "description": gettext_noop("Every article for one year: twelve months for the price of ten."),
        "price": Decimal("99.00"),
        "period": Offer.Period.YEAR,
        "position": 3,
    },
}


@dataclass(frozen=True, slots=True)
class DemoReader:
    """A log-in of the demo."""

    email: str
    password: str
    description: str
    is_editor: bool = False
    subscribes: bool = False


#: Passwords that everybody may know: these log-ins exist on the sandbox only.
DEMO_READERS = (
    DemoReader("reader@example.com", "reader", "a reader who has bought nothing yet"),
    DemoReader("subscriber@example.com", "subscriber", "a reader with a subscription", subscribes=True),
    DemoReader("editor@example.com", "editor", "an editor who may use the admin", is_editor=True),
)


def seed_newspaper() -> None:
    """Create the offers and articles that are missing; what somebody changed stays as it is."""
    offers = [
        Offer.objects.get_or_create(product_id=product_id, defaults=values)[0] for product_id, values in OFFERS.items()
    ]
    for number, slug in enumerate(NEWEST_FIRST):
        if not Article.objects.filter(slug=slug).exists():
            seed_article(slug, offers, age=timedelta(hours=number * HOURS_BETWEEN_ARTICLES))


def seed_article(slug: str, offers: list[Offer], *, age: timedelta) -> None:
    """Create one article from its file: a head of `Name: value` lines, an empty line, the text."""
    text = HeaderParser().parsestr((ARTICLES / f"{slug}.txt").read_text(encoding="utf-8"))
    article = Article.objects.create(
        slug=slug,
        section=text["Section"],
        title=text["Title"],
        teaser=text["Teaser"],
        body=str(text.get_payload()).strip(),
        author=text["Author"],
        published_at=timezone.now() - age,
        product_id=text["Product"],
        price=Decimal(text["Price"]) if text["Price"] else None,
    )
    if text["Paid"] == "yes":
        article.offers.set(offers)


def seed_readers() -> None:
    """Create the log-ins of the demo that are missing, and the subscription of the one who has it."""
    for demo in DEMO_READERS:
        reader = Reader.objects.filter(email__iexact=demo.email).first()
        if reader is None:
            create = Reader.objects.create_superuser if demo.is_editor else Reader.objects.create_user
            reader = create(demo.email, demo.password, verified_email=demo.email)
        if demo.subscribes:
            subscribe_patiently(reader)
            subscribe_elsewhere(reader)


def seed_sandbox() -> str:
    """Create the company at the sandbox that the newspaper sells through, and a subscriber of the printed edition.

    Return the customer number on his invoices, "" once somebody has connected it.
    """
    company = import_string("django_plenigo.sandbox.seed.seed")()
    import_string("django_plenigo.sandbox.okepay.instances.seed_okepay")()
    import_string("django_plenigo.sandbox.twocheckout.merchants.seed_demo")()
    subscriber = import_string("django_plenigo.sandbox.imports.seed_imported_customer")(company)
    return str(subscriber.number) if subscriber.has_pseudo_email else ""


def subscribe_patiently(reader: Reader) -> None:
    """Subscribe; a call that took too long is made again, since all of it can be repeated. Raises `RemoteError`."""
    for tries_left in reversed(range(TRIES)):
        try:
            subscribe(reader)
            return
        except RemoteError:
            if not tries_left:
                raise


def subscribe(reader: Reader) -> None:
    """Make a reader a customer at the sandbox and let her have bought the subscription."""
    link = customers.register(reader)
    if not access.has_bought(link, [MONTHLY])[MONTHLY]:
        customer = customers.customer_of(link)
        call_command("plenigo_sandbox_buy", customer.value, SANDBOX_IDS[MONTHLY], verbosity=0)


def subscribe_elsewhere(reader: Reader) -> None:
    """Let a reader be the customer whom each of the other vendors has from the start; what is bound stays so."""
    for portal, reference in CUSTOMERS_ELSEWHERE.items():
        with suppress(PortalBindingError):
            portals.bind(reader, portal, reference, provenance="by_hand", bound_from="demo")


def seed_webhooks(url: str) -> None:
    """Let the vendors of the sandbox tell this site, which is served at `url`, who has paid there."""
    company = import_string("django_plenigo.sandbox.seed.seed")()
    webhooks = apps.get_model("plenigo_sandbox", "Webhook").objects
    for kind, portal in WEBHOOKS.items():
        path = reverse("plenigo:webhook", args=[portal])
        values = {"url": url.rstrip("/") + path}
        if portal == "okepay":  # 2Checkout signs with the secret key of the account
            values["signing_key"] = settings.PLENIGO_PORTALS[portal]["WEBHOOK_KEYS"][0]
        # The demo may have been served at another port before.
        if not webhooks.filter(company=company, kind=kind, url__endswith=path).update(**values):
            webhooks.create(company=company, kind=kind, **values)
