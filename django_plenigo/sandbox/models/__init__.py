"""What the sandbox remembers."""

from .customers import AccessIdentifier, Customer, LoginToken, OAuthGrant
from .merchant import Category, Company, Product
from .purchases import Purchase
from .simulation import Clock, Fault, UsedTokenId

__all__ = [
    "AccessIdentifier",
    "Category",
    "Clock",
    "Company",
    "Customer",
    "Fault",
    "LoginToken",
    "OAuthGrant",
    "Product",
    "Purchase",
    "UsedTokenId",
]
