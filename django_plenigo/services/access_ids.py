"""Access ids: up to four further keys of a customer, of the site's other systems."""

from django_plenigo import conf
from django_plenigo.models import CustomerLink


def values_of(link: CustomerLink) -> list[str | None]:
    """Return a customer's access ids by slot, None where a slot is empty."""
    values: list[str | None] = [None] * conf.ACCESS_ID_SLOTS
    for access_id in link.access_ids.all():
        values[access_id.slot - 1] = access_id.value
    return values
