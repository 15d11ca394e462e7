"""Makes files of access ids, and tells what came of them."""

import io

from openpyxl import Workbook

from django_plenigo.models import AccessId, AccessImportPart
from django_plenigo.services import access_imports

HEADER = ["customer_id", "access_id_1", "access_id_2"]


def csv_file(*lines, header="customer_id,access_id_1,access_id_2", end="\n", encoding="utf-8"):
    """A CSV file of these lines."""
    return io.BytesIO("".join(line + end for line in (header, *lines)).encode(encoding))


def xlsx_file(*rows, header=HEADER, change=lambda sheet: None):
    """An XLSX file of these rows."""
    book = Workbook()
    sheet = book.active
    for row in (header, *rows):
        sheet.append(row)
    change(sheet)
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    return file


def apply(file, **options):
    """Plan a file, say yes, and return its import."""
    run = access_imports.start(file, name="ids.csv", **options)
    access_imports.confirm(run)
    return run


def planned(file, **options):
    """Plan a file and return its import."""
    return access_imports.start(file, name="ids.csv", **options)


def counts(run):
    """New, changed, the same, bad, imported."""
    return (run.new_count, run.changed_count, run.same_count, run.bad_count, run.applied_count)


def bad(run):
    """Number, column, value and reason of each bad line."""
    return list(run.bad_lines.order_by("number").values_list("number", "column", "value", "reason"))


def reasons(run):
    """The reason of each bad line by its number."""
    return dict(run.bad_lines.values_list("number", "reason"))


def kept():
    """All access ids there are: customer id, slot and value."""
    rows = AccessId.objects.order_by("link", "slot").values_list("link__customer_id", "slot", "value")
    return [(customer_id[-1], slot, value) for customer_id, slot, value in rows]


def file_is_gone(run):
    """Whether nothing of the file is kept."""
    return not AccessImportPart.objects.filter(access_import=run).exists()
