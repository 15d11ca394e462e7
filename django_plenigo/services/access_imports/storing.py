"""Keeps an uploaded file in pieces in the database: whichever host goes on with it has it, and no URL shows it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from django.db.models import QuerySet

from django_plenigo.models import AccessImport, AccessImportPart
from django_plenigo.services.rows import rows_of

PART_BYTES = 256 * 1024


def parts() -> QuerySet[AccessImportPart]:
    """Return the pieces of all files, where they are written."""
    return rows_of(AccessImportPart)


def keep(access_import: AccessImport, file: IO[bytes]) -> None:
    """Write a file's pieces."""
    file.seek(0)
    number = 0
    while piece := file.read(PART_BYTES):
        parts().create(access_import=access_import, number=number, data=piece)
        number += 1


@contextmanager
def opened(access_import: AccessImport) -> Iterator[IO[bytes]]:
    """Give a kept file as one that can be read and sought in; it lies on the disk for so long, without a name."""
    with tempfile.TemporaryFile() as file:
        number = 0
        # One by one: a cursor over all of them would hold the whole file.
        while (
            piece := parts().filter(access_import=access_import, number=number).values_list("data", flat=True).first()
        ):
            file.write(piece)
            number += 1
        file.seek(0)
        yield file


def delete(access_import: AccessImport) -> None:
    """Delete a file."""
    parts().filter(access_import=access_import).delete()
