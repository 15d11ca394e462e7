"""Managed products and categories. Source: docs/protocols/plenigo-v2.md 2.4."""

from typing import Any

from django.http import HttpResponse

from ..companies import find_product
from ..models import Category, Product
from .answers import found, refusal, without_gaps
from .endpoints import Call, endpoint
from .users import paginated


@endpoint("product", "GET")
def product(call: Call, product_id: str) -> HttpResponse:
    """Return one product."""
    row = find_product(call.company, product_id)
    if row is None:
        raise refusal(404, "product_not_found", "The company has no product with this id.")
    return found(_product(row))


@endpoint("productsSearch", "GET")
def search_products(call: Call) -> HttpResponse:
    """Return id, title and description of the products, page by page."""
    return paginated(call, call.company.products.order_by("pk"), _short_product)


@endpoint("productsSearchFull", "GET")
def search_products_full(call: Call) -> HttpResponse:
    """Return the products, page by page."""
    return paginated(call, call.company.products.select_related("category").order_by("pk"), _product)


@endpoint("category", "GET")
def category(call: Call, category_id: str) -> HttpResponse:
    """Return one category."""
    rows = call.company.categories.filter(category_id=category_id)
    row = next((row for row in rows if row.category_id == category_id), None)
    if row is None:
        raise refusal(404, "category_not_found", "The company has no category with this id.")
    return found(
        without_gaps(
            {
                "id": row.category_id,
                "title": row.title,
                "price": float(row.price),
                "type": row.product_type,
                "currency": row.currency,
                "validityTime": row.validity_days,
            }
        )
    )


@endpoint("categoriesSearch", "GET")
def search_categories(call: Call) -> HttpResponse:
    """Return id and title of the categories, page by page."""
    return paginated(call, call.company.categories.order_by("pk"), _short_category)


def _short_product(row: Product) -> dict[str, Any]:
    return {"productId": row.product_id, "title": row.title, "description": row.description}


def _short_category(row: Category) -> dict[str, Any]:
    return {"categoryId": row.category_id, "title": row.title}


def _product(row: Product) -> dict[str, Any]:
    image = {"url": row.image_url, "description": row.image_text, "altText": row.image_text}
    trial_price = row.action_period_price
    return without_gaps(
        {
            "id": row.product_id,
            "subscription": row.is_subscription,
            "title": row.title,
            "description": row.description,
            "url": row.url,
            "choosePrice": row.choose_price,
            "price": float(row.price),
            "type": row.product_type,
            "currency": row.currency,
            "term": row.term_months,
            "cancellationPeriod": row.cancellation_period_months,
            "autoRenewal": row.auto_renewal,
            "actionPeriodName": row.action_period_name,
            "actionPeriodTerm": row.action_period_months,
            "actionPeriodPrice": None if trial_price is None else float(trial_price),
            "videoPrequelTime": row.video_prequel_seconds,
            "maxParallelAppAccess": row.max_parallel_app_access,
            "customInfo": row.custom_info,
            "validityTimeInDays": row.validity_days,
            "categoryId": row.category.category_id if row.category else None,
            "collectible": row.collectible,
            "images": [image] if row.image_url else [],
        }
    )
