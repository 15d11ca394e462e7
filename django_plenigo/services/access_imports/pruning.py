"""Deletes what is known of files that were imported long ago. The access ids stay, and say where they are from."""

from datetime import datetime

from django.db.models import QuerySet

from django_plenigo.models import AccessImport
from django_plenigo.services.access_imports.leases import UNFINISHED, imports

#: How many imports are deleted at once; each may have many bad lines.
CHUNK = 50


def count_old(before: datetime) -> int:
    """Return how many imports `prune` would delete."""
    return _old(before).count()


def prune(before: datetime) -> int:
    """Delete the imports that ended before a point in time, in chunks, and return how many there were."""
    count = 0
    while keys := list(_old(before).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        count += len(keys)
        imports().filter(pk__in=keys).delete()
    return count


def _old(before: datetime) -> QuerySet[AccessImport]:
    return imports().filter(finished_at__lt=before).exclude(state__in=UNFINISHED)
