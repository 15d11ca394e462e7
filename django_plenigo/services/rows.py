"""Reads rows where they are written, whatever the site's database routers say of reading."""

from typing import TypeVar

from django.db import router
from django.db.models import Model, QuerySet

AnyModel = TypeVar("AnyModel", bound=Model)


def rows_of(model: type[AnyModel]) -> QuerySet[AnyModel]:
    """Return all rows of a model, where they are written: a replica may be late.

    None is left out, as a manager of the site's user model might do.
    """
    return model._base_manager.using(router.db_for_write(model))
