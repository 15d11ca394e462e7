"""What the sandbox remembers."""

from .access_rights import AccessRight
from .addresses import Address
from .callbacks import Callback, CallbackAttempt, CallbackDelivery
from .customers import AccessIdentifier, Customer, LoginToken, OAuthGrant
from .merchant import Application, Category, Company, Product
from .okepay import (
    OkePayContact,
    OkePayInstance,
    OkePayLoginLink,
    OkePayPortalSession,
    OkePaySubscription,
    OkePayTransaction,
)
from .preparations import PreparedPurchase
from .purchases import Purchase
from .sales import Basket, BasketItem, Voucher
from .sessions import CustomerSession, SessionRemoval, TransferToken
from .simulation import Clock, Fault, UsedTokenId
from .single_sign_on import Channel, ConnectionProcess, SentMessage, SsoSettings
from .twocheckout import (
    TwoCheckoutCustomer,
    TwoCheckoutLink,
    TwoCheckoutMerchant,
    TwoCheckoutOrder,
    TwoCheckoutSession,
    TwoCheckoutSubscription,
    TwoCheckoutVisit,
)
from .webhooks import Webhook, WebhookAttempt, WebhookDelivery

__all__ = [
    "AccessIdentifier",
    "AccessRight",
    "Address",
    "Application",
    "Basket",
    "BasketItem",
    "Callback",
    "CallbackAttempt",
    "CallbackDelivery",
    "Category",
    "Channel",
    "Clock",
    "Company",
    "ConnectionProcess",
    "Customer",
    "CustomerSession",
    "Fault",
    "LoginToken",
    "OAuthGrant",
    "OkePayContact",
    "OkePayInstance",
    "OkePayLoginLink",
    "OkePayPortalSession",
    "OkePaySubscription",
    "OkePayTransaction",
    "PreparedPurchase",
    "Product",
    "Purchase",
    "SentMessage",
    "SessionRemoval",
    "SsoSettings",
    "TransferToken",
    "TwoCheckoutCustomer",
    "TwoCheckoutLink",
    "TwoCheckoutMerchant",
    "TwoCheckoutOrder",
    "TwoCheckoutSession",
    "TwoCheckoutSubscription",
    "TwoCheckoutVisit",
    "UsedTokenId",
    "Voucher",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
]
