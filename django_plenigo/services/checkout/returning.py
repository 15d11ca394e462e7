"""The way back from a checkout: an address that only this site can have made."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from django_plenigo import conf
from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import PREPARED_URL_LENGTH, URL_LENGTH
from django_plenigo.services.checkout.offers import check_account, is_prepared

RETURN_SALT = "django_plenigo.return"

#: Characters of base64, 6 bits each: 132 bits, since the whole address must stay below `URL_LENGTH`.
RETURN_SIGNATURE_LENGTH = 22


@dataclass(frozen=True, slots=True)
class PurchaseReturn:
    """Where a reader stands who comes back from a checkout."""

    product_ids: tuple[str, ...]
    """What was for sale."""

    next_path: str
    """The page that she came from, a path of this site; "" where it is not known."""

    using: str
    """The account that sold."""


def return_url(base_url: str, target: PurchaseReturn) -> str | None:
    """Return the address that a checkout returns to, None where it would be longer than the vendor allows.

    Without a target the vendor returns to the current page, which is the article. A prepared checkout cannot: it is
    returned to the front page then, since the address of the article is too long for it as well. `base_url` is the
    site's, without a trailing slash.
    """
    url = base_url + return_path(target)
    if not is_prepared(target.using):
        return url if len(url) <= URL_LENGTH else None
    if len(url) > PREPARED_URL_LENGTH:
        url = base_url + return_path(replace(target, next_path=""))
    return url if len(url) <= PREPARED_URL_LENGTH else None


def return_path(target: PurchaseReturn) -> str:
    """Return the path of the page that a checkout returns to, with what it needs to know, signed."""
    fields = [("product", product_id) for product_id in target.product_ids]
    if target.next_path:
        fields.append(("next", target.next_path))
    if target.using != conf.DEFAULT_ACCOUNT:
        fields.append(("account", target.using))
    fields.append(("signature", _return_signature(target, conf.signing_keys()[0])))
    return f"{reverse('plenigo:return')}?{urlencode(fields, safe='/')}"


def read_return(query: QueryDict) -> PurchaseReturn:
    """Return what `return_path` put into a query string; other fields are the vendor's and are let be.

    Raises `InvalidValueError` where it is not this site's.
    """
    target = PurchaseReturn(
        tuple(query.getlist("product")), query.get("next", ""), query.get("account", conf.DEFAULT_ACCOUNT)
    )
    signature = query.get("signature", "")
    if not any(constant_time_compare(signature, _return_signature(target, key)) for key in conf.signing_keys()):
        raise InvalidValueError("signature", "was not made by this site")
    check_account("signature", target.using)
    if not target.product_ids:
        raise InvalidValueError("signature", "names no product")
    return target


def _return_signature(target: PurchaseReturn, key: str | bytes) -> str:
    # Every part behind its length, so that no two targets share one text.
    parts: Sequence[str] = (target.using, target.next_path, *target.product_ids)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    digest = salted_hmac(RETURN_SALT, text, key, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode()[:RETURN_SIGNATURE_LENGTH]
