"""The demo company and what it sells."""

from decimal import Decimal
from typing import Any

from django.db import transaction

from . import credentials
from .models import Category, Company, Product, SsoSettings
from .models.merchant import ProductType

DAY_PASS = "EgLUrT56328991046641"  # noqa: S105 - a product
MONTHLY = "P_MONTHLY"
YEARLY = "P_YEARLY"
BOOK = "P_BOOK"

#: By category id.
CATEGORIES: dict[str, dict[str, Any]] = {
    "CAT_ARTICLES": {"title": "Single articles", "price": Decimal("0.99"), "validity_days": 30},
    "CAT_SUBSCRIPTIONS": {"title": "Subscriptions", "price": Decimal("9.90")},
}

#: By product id: the category's id, and the rest.
PRODUCTS: dict[str, tuple[str, dict[str, Any]]] = {
    DAY_PASS: (
        "CAT_ARTICLES",
        {
            "title": "Day pass",
            "description": "Every article for one day.",
            "price": Decimal("1.99"),
            "product_type": ProductType.DIGITALNEWSPAPER,
            "validity_days": 1,
        },
    ),
    MONTHLY: (
        "CAT_SUBSCRIPTIONS",
        {
            "title": "Monthly subscription",
            "description": "Every article, month by month.",
            "price": Decimal("9.90"),
            "product_type": ProductType.DIGITALNEWSPAPER,
            "is_subscription": True,
            "term_months": 1,
            "cancellation_period_months": 1,
            "auto_renewal": True,
        },
    ),
    YEARLY: (
        "CAT_SUBSCRIPTIONS",
        {
            "title": "Yearly subscription",
            "description": "Every article for one year.",
            "price": Decimal("99.00"),
            "product_type": ProductType.DIGITALNEWSPAPER,
            "is_subscription": True,
            "term_months": 12,
            "cancellation_period_months": 1,
        },
    ),
    BOOK: (
        "",
        {
            "title": "The yearbook",
            "description": "The best of the year, printed and sent to you.",
            "price": Decimal("24.00"),
            "product_type": ProductType.BOOK,
        },
    ),
}

#: Customers who were imported without an e-mail address can connect their accounts.
ACCOUNT_CONNECTION: dict[str, Any] = {
    "allow_registration_identifier": True,
    "request_customer_id": True,
    "request_postcode": True,
}


@transaction.atomic
def seed() -> Company:
    """Create what is missing of the demo company and return it; what somebody changed stays as it is.

    Two processes may do so at once.
    """
    company, _created = Company.objects.get_or_create(
        company_id=credentials.COMPANY_ID,
        defaults={
            "name": "The Demo Gazette",
            "secret": credentials.SECRET,
            "api_token": credentials.API_TOKEN,
        },
    )
    categories: dict[str, Category | None] = {"": None}
    for category_id, values in CATEGORIES.items():
        categories[category_id] = Category.objects.get_or_create(
            company=company, category_id=category_id, defaults=values
        )[0]
    for product_id, (category_id, values) in PRODUCTS.items():
        Product.objects.get_or_create(
            company=company, product_id=product_id, defaults={**values, "category": categories[category_id]}
        )
    SsoSettings.objects.get_or_create(company=company, defaults=ACCOUNT_CONNECTION)
    return company
