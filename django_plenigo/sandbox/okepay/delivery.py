"""How OkePay's webhooks are delivered. Source: docs/protocols/okepay.md 6, where OkePay is silent: Payrexx."""

from datetime import timedelta

from ..models import Webhook
from ..webhooks import Rules, register
from .payments import move_on

#: After the first call come ten more.
RETRIES = (
    timedelta(minutes=1),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    *5 * (timedelta(hours=24),),
)

register(Webhook.Kind.OKEPAY, Rules(RETRIES, prepare=move_on))
