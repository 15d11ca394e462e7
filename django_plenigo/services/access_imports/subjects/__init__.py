"""What a file may bring: access ids to the customers of an account, or references to the users of a portal."""

from django_plenigo.models import AccessImport
from django_plenigo.services.access_imports.subjects.access_ids import AccessIds
from django_plenigo.services.access_imports.subjects.base import Customer, Judged, RowsChangedError, Subject
from django_plenigo.services.access_imports.subjects.references import References

__all__ = ["Customer", "Judged", "RowsChangedError", "Subject", "subject_of"]


def subject_of(access_import: AccessImport) -> Subject:
    """Return what a file brings."""
    return References(access_import) if access_import.portal else AccessIds(access_import)
