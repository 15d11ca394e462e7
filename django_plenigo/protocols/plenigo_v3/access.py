"""Access rights (docs/protocols/plenigo-v3.md 4)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django_plenigo.errors import NotFoundError
from django_plenigo.protocols.base import AccessReader, AccessRight, AccessRightKeeper, CustomerRef, reading
from django_plenigo.protocols.plenigo_v3 import answers, arguments
from django_plenigo.protocols.plenigo_v3.purchases import Purchases
from django_plenigo.tracebacks import without_secrets

DENIED = AccessRight(False)


class AccessRights(Purchases, AccessReader, AccessRightKeeper):
    """The part of the client about what a customer may read. A product's id is its access right id here."""

    @without_secrets
    def rights_of(self, customer: CustomerRef, product_ids: Sequence[str]) -> Mapping[str, AccessRight]:
        """Return per access right whether the customer has it now, in one call. Who is unknown or blocked has none."""
        wanted = arguments.checked_access_right_ids(product_ids)
        try:
            customer_id = self._customer_id(customer, "rights_of")
            answer = self._call(
                "rights_of",
                "GET",
                f"/accessRights/{customer_id}/hasAccess",
                params={"accessRightUniqueIds": ",".join(wanted)},
                idempotent=True,  # it only reads
            )
        except NotFoundError:
            return dict.fromkeys(wanted, DENIED)
        body = reading.object_of(answer, "rights_of")
        if not isinstance(body.get("customerId"), str):  # all else may be absent: the vendor omits what is false
            raise reading.unexpected(answer, "rights_of", "no customerId")
        items = answers.objects_of(answer, "rights_of", "items")
        if answers.flag(body, "customerBlocked"):
            return dict.fromkeys(wanted, DENIED)
        of_id = {each: [item for item in items if item.get("accessRightUniqueId") == each] for each in wanted}
        return {each: _right_of(of_id[each]) for each in wanted}

    @without_secrets
    def has_bought(self, customer: CustomerRef, product_ids: Sequence[str]) -> Mapping[str, bool]:
        """Return per access right whether any order of the customer holds it, whatever has become of it since (9).

        A call for each page of the orders, until each has been found. Who is unknown has bought nothing.
        """
        wanted = arguments.checked_access_right_ids(product_ids)
        left = set(wanted)
        try:
            for order in self.orders_of(customer):
                left -= {item.access_right_id for item in order.items if item.access_right_id}
                if not left:
                    break
        except NotFoundError:
            pass
        return {each: each not in left for each in wanted}

    @without_secrets
    def grant_access(
        self, customer: CustomerRef, product_id: str, *, starts: datetime | None = None, ends: datetime | None = None
    ) -> bool:
        """Give a customer an access right, and say whether that is new: an existing one is left as it is (1.5)."""
        body = {"accessRightUniqueId": arguments.checked_access_right_id(product_id), **_lifetime(starts, ends)}
        path = f"/accessRights/{self._customer_id(customer, 'grant_access')}"
        answer = self._call("grant_access", "POST", path, json=body, idempotent=True)  # a repeat is answered with 208
        return answer.status != 208

    @without_secrets
    def change_access(
        self,
        customer: CustomerRef,
        product_id: str,
        *,
        starts: datetime | None = None,
        ends: datetime | None = None,
        is_blocked: bool = False,
    ) -> None:
        """Change an access right that the site has given; `NotFoundError` where there is none."""
        access_right_id = arguments.checked_access_right_id(product_id)
        body = {"blocked": arguments.checked_bool("is_blocked", is_blocked), **_lifetime(starts, ends)}
        path = f"/accessRights/{self._customer_id(customer, 'change_access')}/{access_right_id}"
        self._call("change_access", "PUT", path, json=body, idempotent=True)

    @without_secrets
    def withdraw_access(self, customer: CustomerRef, product_id: str) -> None:
        """Take an access right that the site has given; `NotFoundError` where there is none."""
        access_right_id = arguments.checked_access_right_id(product_id)
        path = f"/accessRights/{self._customer_id(customer, 'withdraw_access')}/{access_right_id}"
        # Not idempotent: after a lost answer the second attempt would say that there was none.
        self._call("withdraw_access", "DELETE", path)


def _right_of(items: Sequence[Mapping[str, Any]]) -> AccessRight:
    """Return what the items of one access right come to: one that is granted is enough, the longest one counts."""
    granted = [item for item in items if answers.flag(item, "accessGranted")]
    kept = [until for item in items if (until := answers.moment(item, "maxCacheDate"))]
    ends = [answers.moment(item, "lifeTimeEnd") for item in granted]
    last = None if None in ends else max((end for end in ends if end), default=None)
    return AccessRight(bool(granted), until=last, kept_until=min(kept, default=None))


def _lifetime(starts: datetime | None, ends: datetime | None) -> dict[str, str | None]:
    """Return when a right begins and ends; null where it has always been, or has no end."""
    return {
        "lifeTimeStart": arguments.checked_moment("starts", starts),
        "lifeTimeEnd": arguments.checked_moment("ends", ends),
    }
