"""Files of access ids in the admin: upload, plan, yes, progress, result."""

import io
import re
import sys
import zipfile
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from django_plenigo.models import AccessId, AccessImport, AccessImportPart
from django_plenigo.services import access_ids, access_imports
from tests.access_imports.files import xlsx_file
from tests.admin.conftest import messages_of, text_of
from tests.factories import LinkFactory

LIST = "/admin/plenigo/accessimport/"
UPLOAD = f"{LIST}upload/"


@pytest.fixture
def links(db):
    return [LinkFactory(customer_id=f"CUSTOMER-{number}") for number in (1, 2, 3)]


@pytest.fixture
def agent(agent_who_may):
    return agent_who_may("import_accessid")


def send(client, content, name="ids.csv", **fields):
    """Send a file, and return the page that the agent is led to."""
    return client.post(UPLOAD, {"file": SimpleUploadedFile(name, content), **fields}, follow=True)


def upload(client, *lines, header="customer_id,access_id_1,access_id_2", name="ids.csv"):
    """Send a file of lines."""
    return send(client, "\n".join([header, *lines]).encode(), name)


def in_background(*lines):
    """A file that waits for the background."""
    file = io.BytesIO("\n".join(["customer_id,access_id_1", *lines]).encode())
    return access_imports.start(file, name="large.csv", in_background=True)


def address(access_import, name="change"):
    return f"{LIST}{access_import.pk}/{name}/"


def say(client, what, access_import):
    """Say yes on the page that confirms or cancels an import, and go where it leads."""
    return client.post(f"{LIST}{what}/", {"ids": access_import.pk, "confirmed": "yes"}, follow=True)


def row_of(page, number):
    """The column, value and reason of the bad line with a number."""
    text = page[page.index("Lines that are not imported") :]
    text = text[text.index(f'<th scope="row">{number}</th>') :]
    return re.findall("<td[^>]*>(.*?)</td>", text[: text.index("</tr>")])


def errors_of(page):
    """The sentences at the fields."""
    text = text_of(page)
    text = text[text.index('<ul class="errorlist"') :]
    return text[: text.index("</ul>")]


# ---- the upload --------------------------------------------------------------------------------------------------


def test_page_of_the_upload_tells_the_limit_and_the_columns_and_gives_a_file_that_has_them(agent, links):
    page = text_of(agent.get(UPLOAD))
    assert "at most 32 MiB" in page
    assert '<label for="id_file">File:</label>' in page
    example = agent.get(f"{LIST}example/")
    assert example["Content-Disposition"] == 'attachment; filename="access-ids.csv"'
    sent = send(agent, example.content + b"CUSTOMER-1,a,b,c,d\r\n")
    assert "Yes, import 1 line" in text_of(sent)


def test_account_is_asked_for_where_there_are_several(agent, settings):
    assert '<input type="hidden" name="account"' in text_of(agent.get(UPLOAD))
    settings.PLENIGO = {**settings.PLENIGO, "weekly": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    LinkFactory(customer_id="OF-THE-WEEKLY", account="weekly")
    assert '<label for="id_account">Account:</label>' in text_of(agent.get(UPLOAD))
    page = text_of(send(agent, b"customer_id,access_id_1\nOF-THE-WEEKLY,a\n", account="weekly"))
    assert "Yes, import 1 line" in page
    assert "account weekly" in page
    assert AccessImport.objects.get().account == "weekly"


def bomb():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 4_000_000)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The submitted file is empty."),
        (b"\n\n", "The file is empty."),
        (b"name,shoe size\nAda,38\n", "The file has no column that names the customer"),
        (b"customer_id,acess_id_1\nA,x\n", "did you mean access_id_1?"),
        ("customer_id,access_id_1\nA,Müller\n".encode("latin-1"), "Line 2 is not in UTF-8"),
        ("customer_id,access_id_1\nA,x\n".encode("utf-16"), "The file is UTF-16: save it as CSV in UTF-8."),
        (b"customer_id,access_id_1\nA," + b"x" * 10_001, "Line 2 has more than 10000 characters."),
        (b"PK\x03\x04 broken", "The file is damaged, or no XLSX file"),
        (b"\xd0\xcf\x11\xe0 of 1997", "The file is of an old Excel, or protected by a password"),
        (bomb(), "The file is too large once it is unpacked: save it as CSV."),
        (b" " * (32 * 1024 * 1024 + 1), "The file is larger than 32 MiB: split it."),
    ],
    ids=[
        *("empty", "empty lines", "columns", "slip", "Latin-1", "UTF-16", "long line", "damaged", "old Excel"),
        *("bomb", "large"),
    ],
)
def test_file_that_cannot_be_read_is_a_sentence_at_the_field_and_nothing_is_kept(agent, content, sentence):
    page = send(agent, content)
    assert sentence in errors_of(page)
    assert 'role="alert" tabindex="-1" autofocus>Nothing was imported.' in text_of(page)
    assert not AccessImportPart.objects.exists()
    assert not AccessImport.objects.exclude(state="failed").exists()


def test_file_that_cannot_be_read_to_its_end_is_a_sentence_at_the_field_and_stays_in_the_list(agent, links):
    page = upload(agent, "CUSTOMER-1,a,", 'CUSTOMER-2,"b,')
    assert "The file cannot be read from line 3 on" in errors_of(page)
    page = text_of(agent.get(address(AccessImport.objects.get())))
    assert "This import has failed." in page
    assert "The lines of the file" not in page  # none was counted
    assert not AccessImportPart.objects.exists()


def test_spreadsheet_is_refused_with_what_to_do_where_openpyxl_is_missing(agent, monkeypatch):
    file = xlsx_file(["CUSTOMER-1", "a"]).read()
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    monkeypatch.delitem(sys.modules, "django_plenigo.spreadsheets", raising=False)
    assert "This site cannot read XLSX files: save the file as CSV." in errors_of(send(agent, file, "ids.xlsx"))


def test_form_without_a_file_is_asked_for_one(agent):
    assert "This field is required." in errors_of(agent.post(UPLOAD, {}))


# ---- the plan ----------------------------------------------------------------------------------------------------


def test_plan_counts_what_would_come_of_the_file_and_imports_nothing(agent, links):
    access_ids.import_access_ids(links[1], ["old"])
    access_ids.import_access_ids(links[2], ["same"])
    lines = ["CUSTOMER-1,a,b", "CUSTOMER-2,new,", "CUSTOMER-3,same,", "nobody,c,"]
    page = text_of(upload(agent, *lines))
    for name in ("new", "changed", "the same", "bad"):
        assert f'<th scope="row">{name}</th><td>1</td>' in page
    assert "Nothing is imported yet" in page
    assert "Yes, import 2 lines" in page
    assert sorted(AccessId.objects.values_list("value", flat=True)) == ["old", "same"]


def test_plan_shows_the_first_lines_with_what_comes_of_each(agent, links):
    access_ids.import_access_ids(links[1], ["old"])
    access_ids.import_access_ids(links[2], ["same"])
    lines = ["CUSTOMER-1,a,b", "", "CUSTOMER-2,new,", "CUSTOMER-3,same,", "nobody,c,", "CUSTOMER-1,x,"]
    page = upload(agent, *lines)
    preview = page.context["preview"]
    assert (preview.customer_column, preview.id_columns) == ("customer_id", ["access_id_1", "access_id_2"])
    shown = [
        (line.number, line.customer, [(cell.value, cell.replaced) for cell in line.ids], line.outcome.value)
        for line in preview.lines
    ]
    assert shown == [
        (2, "CUSTOMER-1", [("a", ""), ("b", "")], "new"),
        (4, "CUSTOMER-2", [("new", "old"), ("", "")], "changed"),
        (5, "CUSTOMER-3", [("same", ""), ("", "")], "same"),
        (6, "nobody", [("c", ""), ("", "")], "bad"),
        (7, "CUSTOMER-1", [("x", ""), ("", "")], "bad"),
    ]
    assert "Now: old" in text_of(page)


def test_plan_of_a_spreadsheet_shows_its_first_lines_too(agent, links):
    page = send(agent, xlsx_file(["CUSTOMER-1", "a"], *[["nobody", "b"]] * 20).read(), "ids.xlsx")
    lines = page.context["preview"].lines
    assert [line.outcome.value for line in lines] == ["new", *["bad"] * 9]


def test_bad_line_is_told_with_its_number_column_value_and_reason(agent, links):
    access_ids.import_access_ids(links[2], ["taken"])
    page = text_of(upload(agent, "CUSTOMER-1,a,", "CUSTOMER-2,a,", "nobody,b,", "CUSTOMER-2,,taken"))
    nobody = "no customer of this site has this ID: register the user first"
    assert row_of(page, 3) == ["access_id_1", "a", "stands in line 2 already"]
    assert row_of(page, 4) == ["customer_id", "nobody", nobody]
    assert row_of(page, 5) == ["access_id_2", "taken", "is an access ID of another customer"]


def test_bad_lines_come_in_pages(agent, links):
    upload(agent, *[f"nobody{number},x{number}," for number in range(150)], "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()
    first, second = (agent.get(address(access_import), {"page": number}) for number in (1, 2))
    assert [len(page.context["bad_lines"]) for page in (first, second)] == [100, 50]
    assert "nobody99<" in text_of(first)
    assert "nobody149<" in text_of(second)
    assert '<a href="?page=2" aria-label="Page 2">' in text_of(first)
    assert "preview" not in second.context


@pytest.mark.parametrize("page", ["0", "-1", "nothing", "99999999999999999999"])
def test_page_of_bad_lines_that_is_not_there_is_another_one(agent, links, page):
    upload(agent, "nobody,x,", "CUSTOMER-1,a,")
    assert ">nobody<" in text_of(agent.get(address(AccessImport.objects.get()), {"page": page}))


def test_columns_that_are_nobodys_id_are_named(agent, links):
    page = text_of(upload(agent, "CUSTOMER-1,a,38", header="customer_id,access_id_1,shoe size"))
    assert "are left out: shoe size." in page


def test_values_of_a_file_are_escaped(agent, links):
    header = "customer_id,access_id_1,<i>size</i>"
    page = text_of(upload(agent, '"<script>alert(1)</script>",x,', "CUSTOMER-1,<b>,", header=header, name="<u>.csv"))
    assert not [tag for tag in ("<script>alert", "<b>", "<i>", "<u>") if tag in page]
    assert "&lt;script&gt;alert(1)" in page
    assert "<u>" not in text_of(agent.get(LIST))


def test_plan_asks_the_same_number_of_queries_however_long_the_file_is(agent, links, django_assert_max_num_queries):
    counts = []
    for count in (2, 90):
        upload(agent, f"CUSTOMER-1,a{count},", *[f"nobody{number},x{number}," for number in range(count)])
        with django_assert_max_num_queries(14) as queries:
            agent.get(address(AccessImport.objects.latest("pk")))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_plan_counts_the_bad_lines_by_their_reason(agent, links):
    access_ids.import_access_ids(links[2], ["taken"])
    lines = ["CUSTOMER-1,taken,", "CUSTOMER-2,,", *[f"nobody{number},x{number}," for number in range(120)]]
    lines += ["CUSTOMER-3,once,", "CUSTOMER-2,once,", "CUSTOMER-1,once,"]
    page = text_of(upload(agent, *lines))
    assert re.findall(r"<li>([^<]*: \d+)</li>", page) == [
        "No customer of this site has this ID: register the user first: 120",
        "Stands in another line already: 2",
        "The line has no access ID: 1",
        "Is an access ID of another customer: 1",
    ]
    second = text_of(agent.get(address(AccessImport.objects.get()), {"page": 2}))
    assert "Stands in another line already" not in second


def test_plan_says_which_sheets_are_not_read(agent, links):
    def add_sheet(sheet):
        sheet.title = "Customers"
        sheet.parent.create_sheet("<b>More")

    page = send(agent, xlsx_file(["CUSTOMER-1", "a"], change=add_sheet).getvalue(), "ids.xlsx")
    text = "Only the sheet Customers is read. If these hold access IDs too, upload each as a file of its own: "
    assert f"{text}&lt;b&gt;More." in text_of(page)
    page = send(agent, xlsx_file(["CUSTOMER-2", "b"]).getvalue(), "ids.xlsx")
    assert "Only the sheet" not in text_of(page)


# ---- yes and no --------------------------------------------------------------------------------------------------


def test_yes_imports_the_good_lines_with_who_and_from_where(agent, links):
    upload(agent, "CUSTOMER-1,a,b", "nobody,c,")
    access_import = AccessImport.objects.get()
    page = text_of(say(agent, "confirm", access_import))
    assert "Done: 1 line was imported." in page
    assert "plenigo is told in a moment." in page
    ids = AccessId.objects.order_by("slot")
    assert [(each.value, each.imported_by, each.imported_from) for each in ids] == [
        ("a", agent.agent, "ids.csv"),
        ("b", agent.agent, "ids.csv"),
    ]
    assert not AccessImportPart.objects.exists()


def test_second_yes_imports_nothing_again_and_says_so(agent, links):
    upload(agent, "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()
    say(agent, "confirm", access_import)
    page = say(agent, "confirm", access_import)
    assert messages_of(page) == ["This file is not waiting for a yes any more."]
    assert LogEntry.objects.filter(change_message__startswith="Said yes").count() == 1


def test_file_that_changes_nothing_needs_no_yes(agent, links):
    access_ids.import_access_ids(links[0], ["a"])
    page = text_of(upload(agent, "CUSTOMER-1,a,"))
    assert "Everything in the file is in place already." in page
    assert "Yes, import" not in page


def test_history_of_a_file_names_it(agent, links):
    upload(agent, "CUSTOMER-1,a,")
    page = agent.get(address(AccessImport.objects.get(), "history")).content.decode()
    assert "<h2>ids.csv</h2>" in page
    assert "Uploaded the file ids.csv." in page


def test_cancelling_asks_first_and_then_deletes_the_file_and_imports_nothing(agent, links):
    page = upload(agent, "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()
    assert page.context["cancel_address"] in text_of(page)
    question = text_of(agent.get(page.context["cancel_address"]))
    assert "The file is deleted" in question
    assert "ids.csv" in question
    assert AccessImportPart.objects.exists()
    page = text_of(say(agent, "cancel", access_import))
    assert "This import was cancelled." in page
    assert "None of it was imported." in page
    assert "Yes, import" not in page
    assert not AccessImportPart.objects.exists()
    assert not AccessId.objects.exists()
    assert messages_of(say(agent, "cancel", access_import)) == ["This import has ended already."]


@pytest.mark.parametrize("what", ["confirm", "cancel"])
def test_link_does_nothing_but_ask(agent, links, what):
    upload(agent, "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()
    assert '<input type="hidden" name="confirmed"' in text_of(agent.get(f"{LIST}{what}/", {"ids": access_import.pk}))
    access_import.refresh_from_db()
    assert access_import.state == "planned"


def test_every_step_is_written_down_with_the_file_and_without_what_stands_in_it(agent, links):
    upload(agent, "CUSTOMER-1,secret-id,")
    say(agent, "confirm", AccessImport.objects.get())
    upload(agent, "CUSTOMER-1,other-id,", name="second.csv")
    say(agent, "cancel", AccessImport.objects.latest("pk"))
    entries = LogEntry.objects.filter(
        user=agent.agent, content_type=ContentType.objects.get_for_model(AccessImport)
    ).order_by("pk")
    assert [entry.get_change_message() for entry in entries] == [
        "Uploaded the file ids.csv.",
        "Said yes to importing the file ids.csv.",
        "Uploaded the file second.csv.",
        "Cancelled the import of the file second.csv.",
    ]
    assert not [entry for entry in entries if "-id" in f"{entry.object_repr}{entry.change_message}"]


@pytest.mark.parametrize("what", ["upload", "confirm", "cancel"])
def test_step_that_cannot_be_written_down_is_not_taken(agent, links, what):
    upload(agent, "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()

    def fail(execute, sql, parameters, many, context):
        if sql.startswith("INSERT") and "django_admin_log" in sql:
            raise LookupError
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(fail), pytest.raises(LookupError):
        upload(agent, "CUSTOMER-2,b,") if what == "upload" else say(agent, what, access_import)
    access_import = AccessImport.objects.get()  # no other
    assert (access_import.state, AccessImportPart.objects.count()) == ("planned", 1)
    assert not AccessId.objects.exists()


def test_steps_are_no_part_of_the_transaction_of_a_request(agent, links, monkeypatch):
    depths = []

    def note_depth(execute, sql, parameters, many, context):
        if sql.startswith("INSERT") and ("plenigo_accessid" in sql or "plenigo_accessimport" in sql):
            depths.append(len(connection.savepoint_ids))
        return execute(sql, parameters, many, context)

    for is_atomic in (False, True):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", is_atomic)
        with connection.execute_wrapper(note_depth):
            upload(agent, f"CUSTOMER-1,a{is_atomic},", "nobody,b,")
            say(agent, "confirm", AccessImport.objects.latest("pk"))
    half = len(depths) // 2
    assert half >= 4  # the import, a part of it, a bad line, and an id
    assert depths[:half] == depths[half:]


# ---- progress ----------------------------------------------------------------------------------------------------


def test_large_file_is_checked_and_imported_in_the_background_and_the_page_says_how_far(agent, links):
    access_import = in_background("CUSTOMER-1,a")
    page = text_of(agent.get(address(access_import)))
    assert "Waits to be checked." in page
    assert "import-progress.js" in page
    access_imports.continue_due()
    page = text_of(agent.get(address(access_import)))
    assert "Yes, import 1 line" in page
    assert "import-progress.js" not in page
    say(agent, "confirm", access_import)
    page = text_of(agent.get(address(access_import)))
    assert "Waits to be imported." in page
    assert '<progress class="plenigo-progress"' in page
    assert page.count("<title>Being imported: large.csv") == 1
    access_imports.continue_due()
    assert "Done: 1 line was imported." in text_of(agent.get(address(access_import)))


LEASE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("state", "position", "sign_of_life", "words"),
    [
        ("planning", 0, None, "waits to be checked"),
        ("planning", 0, timedelta(seconds=2), "being checked, 5000 lines so far"),
        ("planning", 0, timedelta(minutes=3), "being checked, but without a sign of life for 3 minutes"),
        ("planning", 0, timedelta(minutes=6), "was cut off while it was checked, is about to be checked anew"),
        ("planned", 0, None, "waiting for a yes"),
        ("applying", 0, None, "waits to be imported"),
        ("applying", 4000, None, "waits at line 4000 of 5001 for its turn"),
        ("applying", 4000, timedelta(seconds=2), "being imported, line 4000 of 5001"),
        (
            *("applying", 4000, timedelta(minutes=3)),
            "being imported, but without a sign of life for 3 minutes, at line 4000 of 5001",
        ),
        ("applying", 4000, timedelta(minutes=6), "stopped at line 4000 of 5001, is about to be gone on with"),
        ("done", 5001, None, "done"),
        ("cancelled", 4000, None, "cancelled"),
        ("failed", 4000, None, "failed"),
    ],
)
def test_list_and_page_say_truthfully_how_far_a_file_has_come(
    agent, links, state, position, sign_of_life, words, time_machine
):
    access_import = in_background("CUSTOMER-1,a")
    time_machine.move_to(timezone.now(), tick=False)
    leased = {} if sign_of_life is None else {"lease": "0" * 32, "leased_until": timezone.now() - sign_of_life + LEASE}
    AccessImport.objects.update(state=state, position=position, line_count=5000, last_line=5001, **leased)
    page = text_of(agent.get(LIST)).replace("\N{NO-BREAK SPACE}", " ")
    assert f'<td class="field-progress">{words}</td>' in page
    if state in ("planning", "applying"):
        page = text_of(agent.get(address(access_import))).replace("\N{NO-BREAK SPACE}", " ")
        assert f"<strong>{words[0].upper()}{words[1:]}.</strong>" in page


def test_page_says_what_a_file_waits_for(agent, links, settings):
    access_import = in_background("CUSTOMER-1,a")
    assert "when the command plenigo_sync runs" in text_of(agent.get(address(access_import)))
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "DELIVERY": "django_plenigo.delivery.in_thread"}}
    assert "the work goes on by itself, also after a crash" in text_of(agent.get(address(access_import)))


def test_progress_is_read_out_in_steps_of_ten(agent, links):
    access_import = in_background("CUSTOMER-1,a")
    AccessImport.objects.update(state="applying", position=2999, line_count=5000, last_line=5001)
    page = text_of(agent.get(address(access_import)))
    assert 'role="status" data-import="said">50 % of the file are imported.</p>' in page


def test_import_that_is_cancelled_on_the_way_keeps_what_it_had_imported(agent, links):
    access_import = in_background("CUSTOMER-1,a")
    AccessImport.objects.update(state="applying", applied_count=1, position=2)
    page = text_of(say(agent, "cancel", access_import))
    assert "1 line had been imported and stays." in page


# ---- the lines that were not imported ----------------------------------------------------------------------------


def test_failed_lines_are_a_file_that_can_be_mended_and_fed_back_in(agent, links):
    upload(agent, "CUSTOMER-1,a,", "nobody,=b,")
    access_import = AccessImport.objects.get()
    say(agent, "confirm", access_import)
    response = agent.get(address(access_import, "failures"))
    assert response["Content-Disposition"] == f'attachment; filename="failures-{access_import.pk}-ids.csv"'
    text = response.getvalue().decode("utf-8-sig")
    assert "'=b" in text  # no formula for a spreadsheet
    upload(agent, *text.replace("nobody", "CUSTOMER-2").splitlines()[1:], header=text.splitlines()[0])
    say(agent, "confirm", AccessImport.objects.latest("pk"))
    assert sorted(AccessId.objects.values_list("value", flat=True)) == ["=b", "a"]
    page = upload(agent, *text.replace("nobody", "CUSTOMER-2").splitlines()[1:], header=text.splitlines()[0])
    assert "Everything in the file is in place already." in text_of(page)


def test_bad_lines_that_are_not_kept_any_more_are_said_to_be_gone(agent, links, time_machine):
    upload(agent, "CUSTOMER-1,a,", "nobody,b,")
    access_import = AccessImport.objects.get()
    say(agent, "confirm", access_import)
    time_machine.move_to(timezone.now() + timedelta(days=31))
    agent.force_login(agent.agent)
    access_imports.forget_old()
    page = text_of(agent.get(address(access_import)))
    assert "They are not kept any more." in page
    assert "Download these lines" not in page


# ---- who may what ------------------------------------------------------------------------------------------------


@pytest.fixture
def two_lines(agent, links):
    upload(agent, "CUSTOMER-1,the-good-one,", "nobody,the-bad-one,")
    return AccessImport.objects.get()


@pytest.mark.parametrize("what", ["upload", "example", "confirm", "cancel", "failures"])
def test_agent_without_the_permission_is_refused_each_page(agent_who_may, two_lines, what):
    addresses = {"failures": address(two_lines, "failures")}
    other, own = agent_who_may("view_accessimport"), addresses.get(what, f"{LIST}{what}/")
    answers = other.get(own, {"ids": two_lines.pk}), other.post(own, {"ids": two_lines.pk, "confirmed": "yes"})
    assert [answer.status_code for answer in answers] == [403, 403]
    two_lines.refresh_from_db()
    assert two_lines.state == "planned"


def test_agent_who_may_look_sees_counts_and_neither_lines_nor_buttons(agent_who_may, two_lines):
    other = agent_who_may("view_accessimport")
    page = text_of(other.get(address(two_lines)))
    assert '<th scope="row">new</th><td>1</td>' in page
    for hidden in ("the-good-one", "the-bad-one", "nobody<", "Yes, import", "Cancel the import", "Import a file"):
        assert hidden not in page
    assert "Import a file" not in text_of(other.get(LIST))
    assert UPLOAD not in text_of(other.get("/admin/plenigo/customerlink/"))


def test_agent_who_may_see_lines_sees_and_downloads_them_and_changes_nothing(agent_who_may, two_lines):
    other = agent_who_may("view_accessimport", "view_accessimportline")
    page = text_of(other.get(address(two_lines)))
    assert ("the-bad-one" in page, "the-good-one" in page, "Yes, import" in page) == (True, True, False)
    assert b"the-bad-one" in other.get(address(two_lines, "failures")).getvalue()


def test_agent_without_any_permission_sees_nothing_of_imports(agent_who_may, two_lines):
    other = agent_who_may()
    assert [other.get(each).status_code for each in (LIST, address(two_lines))] == [403, 403]
    assert LIST not in text_of(other.get("/admin/"))


def test_agent_who_may_import_finds_the_way_from_the_index_and_the_lists(agent, links):
    assert LIST in text_of(agent.get("/admin/"))
    assert UPLOAD in text_of(agent.get("/admin/plenigo/customerlink/"))
    assert UPLOAD in text_of(agent.get(LIST))


def test_visitor_is_led_to_the_log_in(client, two_lines):
    assert client.get(address(two_lines)).status_code == 302
    assert client.get(address(two_lines, "failures")).status_code == 302


def test_imports_are_neither_deleted_nor_made_nor_edited_by_hand(admin_client, two_lines):
    assert admin_client.post(address(two_lines, "delete"), {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{LIST}add/").status_code == 403
    admin_client.post(address(two_lines), {"state": "done"})
    two_lines.refresh_from_db()
    assert two_lines.state == "planned"


# ---- the list ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["nothing", "0", "99999999999999999999999"])
def test_import_that_is_not_there_is_not_found(agent, key):
    assert agent.get(f"{LIST}{key}/change/").status_code == 404


def test_list_says_who_imported_which_file_and_what_came_of_it(agent, two_lines):
    say(agent, "confirm", two_lines)
    page = text_of(agent.get(LIST))
    assert f"{two_lines.pk}/change/" in page
    assert "ids.csv</a>" in page
    assert str(agent.agent) in page
    for name, count in [("line", 2), ("applied", 1), ("bad", 1)]:
        assert f'<td class="field-{name}_count">{count}</td>' in page


def test_page_leads_to_its_history_and_to_the_next_file(agent, two_lines):
    page = text_of(agent.get(address(two_lines)))
    assert page.count(f'<a class="historylink" href="{address(two_lines, "history")}">') == 1
    assert page.count(f'href="{UPLOAD}"') == 1
    assert "Uploaded the file ids.csv." in text_of(agent.get(address(two_lines, "history")))


def test_list_is_filtered_by_state(agent, two_lines):
    upload(agent, "nobody,b,", name="nothing.csv")
    page = agent.get(LIST, {"state__exact": "planned"})
    assert [row.pk for row in page.context["cl"].result_list] == [two_lines.pk]


def test_list_asks_the_same_number_of_queries_however_long_it_is(agent, links, django_assert_max_num_queries):
    for number in range(5):
        upload(agent, f"CUSTOMER-1,a{number},")
    with django_assert_max_num_queries(8):
        page = text_of(agent.get(LIST))
    assert page.count("ids.csv</a>") == 5
