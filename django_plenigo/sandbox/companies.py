"""Find companies and what they sell."""

from . import credentials
from .customers import is_storable
from .models import Basket, Company, Product, Voucher
from .seed import seed


def find_company(company_id: str) -> Company | None:
    """Return a company, or None. The demo company is created at its first need, so no command must be run before."""
    company = Company.objects.filter(company_id=company_id).first() if is_storable(company_id) else None
    # Compared once more: some databases find ids that differ in case only.
    if company is not None and company.company_id == company_id:
        return company
    return seed() if company is None and company_id == credentials.COMPANY_ID else None


def find_product(company: Company, product_id: str) -> Product | None:
    """Return a managed product, or None for a product that only the shop knows."""
    return next((row for row in company.products.filter(product_id=product_id) if row.product_id == product_id), None)


def find_company_by_token(token: str) -> Company | None:
    """Return the company whose API access token this is, or None."""
    company = Company.objects.filter(api_token=token).first() if is_storable(token) else None
    if company is not None and company.api_token == token:
        return company
    is_new = company is None and token == credentials.API_TOKEN
    return seed() if is_new and not Company.objects.filter(company_id=credentials.COMPANY_ID).exists() else None


def find_offer(company: Company, offer_id: str) -> Product | None:
    """Return the product that an offer of API v3 sells, or None."""
    rows = company.products.filter(offer_id=offer_id) if is_storable(offer_id) else ()
    return next((row for row in rows if row.offer_id == offer_id), None)


def find_voucher(company: Company, code: str) -> Voucher | None:
    """Return the voucher of a code, whether it can be redeemed or not."""
    rows = company.vouchers.filter(code=code).select_related("product") if is_storable(code) else ()
    return next((row for row in rows if row.code == code), None)


def find_basket(company: Company, basket_id: str) -> Basket | None:
    """Return a basket, or None."""
    rows = company.baskets.filter(basket_id=basket_id) if is_storable(basket_id) else ()
    return next((row for row in rows if row.basket_id == basket_id), None)
