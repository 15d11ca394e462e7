"""When IPN and LCN are sent again, and which answers count. Source: docs/protocols/2checkout.md 8."""

from datetime import timedelta
from urllib.parse import parse_qsl

from .. import webhooks
from ..models import TwoCheckoutMerchant, Webhook, WebhookDelivery
from ..models.webhooks import Signature
from ..posting import Reply
from . import orders
from .signatures import check_receipt

#: At once; two more within 5 minutes, four more at 15, then hourly until two days are over.
RETRIES = (
    *[timedelta(minutes=2.5)] * 2,
    *[timedelta(minutes=15)] * 4,
    *[timedelta(hours=1)] * 46,
)


def _judge(delivery: WebhookDelivery, reply: Reply, names: tuple[str, ...]) -> str:
    """Say what is wrong with the receipt; it signs the first value of each name, and its own date."""
    fields = parse_qsl(delivery.body, keep_blank_values=True)
    values = [next(value for name, value in fields if name == wanted) for wanted in names]
    webhook = delivery.webhook
    merchant = TwoCheckoutMerchant.objects.filter(company=webhook.company_id).first()
    if merchant is None:
        return "no merchant"
    key = merchant.secret_key
    return check_receipt(reply.body, key, values, accepts_md5=Signature.MD5 in webhook.signatures)


def judge_ipn(delivery: WebhookDelivery, reply: Reply) -> str:
    """Say what is wrong with the receipt of an IPN."""
    return _judge(delivery, reply, ("IPN_PID[]", "IPN_PNAME[]", "IPN_DATE"))


def judge_lcn(delivery: WebhookDelivery, reply: Reply) -> str:
    """Say what is wrong with the receipt of an LCN."""
    return _judge(delivery, reply, ("LICENSE_CODE", "EXPIRATION_DATE"))


webhooks.register(Webhook.Kind.IPN, webhooks.Rules(RETRIES, judge_ipn))
webhooks.register(Webhook.Kind.LCN, webhooks.Rules(RETRIES, judge_lcn, orders.renew_due))
