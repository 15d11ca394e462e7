"""Files of access ids in the admin: upload, plan, yes, result."""

import io

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile

from django_plenigo.models import AccessId, AccessImport, AccessImportPart
from django_plenigo.services import access_imports
from tests.admin.conftest import text_of
from tests.factories import LinkFactory

LIST = "/admin/plenigo/accessimport/"
UPLOAD = f"{LIST}upload/"


@pytest.fixture
def links(db):
    return [LinkFactory(customer_id=f"CUSTOMER-{number}") for number in (1, 2, 3)]


@pytest.fixture
def agent(agent_who_may):
    return agent_who_may("import_accessid")


def upload(client, *lines, header="customer_id,access_id_1,access_id_2", name="ids.csv"):
    """Send a file, and return the page that the agent is led to."""
    file = SimpleUploadedFile(name, "\n".join([header, *lines]).encode())
    return client.post(UPLOAD, {"file": file}, follow=True)


def address(access_import, page):
    return f"{LIST}{access_import.pk}/{page}/"


def test_upload_shows_what_would_come_of_the_file_and_imports_nothing(agent, links):
    page = text_of(upload(agent, "CUSTOMER-1,a,b", "nobody,c,", "CUSTOMER-2,d,"))
    assert "Nothing is imported yet" in page
    assert "Yes, import 2 lines" in page
    assert "no customer of this site has this ID" in page
    assert not AccessId.objects.exists()


def test_bad_line_is_told_with_its_number_column_value_and_reason(agent, links):
    page = text_of(upload(agent, "CUSTOMER-1,a,", "CUSTOMER-2,a,"))
    row = page[page.index('<th scope="row">3</th>') :]
    cells = row[: row.index("</tr>")]
    assert "<td>access_id_1</td><td>a</td><td>stands in line 2 already</td>" in cells


def test_yes_imports_the_good_lines_with_who_and_from_where(agent, links):
    upload(agent, "CUSTOMER-1,a,b", "nobody,c,")
    access_import = AccessImport.objects.get()
    page = text_of(agent.post(address(access_import, "confirm"), follow=True))
    assert "Done: 1 line was imported." in page
    ids = AccessId.objects.order_by("slot")
    assert [(each.value, each.imported_by, each.imported_from) for each in ids] == [
        ("a", agent.agent, "ids.csv"),
        ("b", agent.agent, "ids.csv"),
    ]
    assert not AccessImportPart.objects.exists()


def test_second_yes_imports_nothing_again_and_says_so(agent, links):
    upload(agent, "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()
    agent.post(address(access_import, "confirm"))
    page = text_of(agent.post(address(access_import, "confirm"), follow=True))
    assert "not waiting for a yes any more" in page


def test_cancelled_file_is_gone_and_nothing_is_imported(agent, links):
    upload(agent, "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()
    page = text_of(agent.post(address(access_import, "cancel"), follow=True))
    assert "This import was cancelled." in page
    assert "Yes, import" not in page
    assert not AccessImportPart.objects.exists()
    assert not AccessId.objects.exists()


def test_failed_lines_are_a_file_that_can_be_mended_and_fed_back_in(agent, links):
    upload(agent, "CUSTOMER-1,a,", "nobody,=b,")
    access_import = AccessImport.objects.get()
    agent.post(address(access_import, "confirm"))
    response = agent.get(address(access_import, "failures"))
    assert response["Content-Disposition"] == f'attachment; filename="failures-{access_import.pk}.csv"'
    text = response.getvalue().decode("utf-8-sig")
    assert "'=b" in text  # no formula for a spreadsheet
    mended = io.BytesIO(text.replace("nobody", "CUSTOMER-2").encode())
    agent.post(UPLOAD, {"file": SimpleUploadedFile("mended.csv", mended.read())})
    agent.post(address(AccessImport.objects.latest("pk"), "confirm"))
    assert sorted(AccessId.objects.values_list("value", flat=True)) == ["=b", "a"]


def test_every_step_is_written_down_without_the_ids(agent, links):
    upload(agent, "CUSTOMER-1,secret-id,")
    access_import = AccessImport.objects.get()
    agent.post(address(access_import, "confirm"))
    entries = LogEntry.objects.filter(user=agent.agent).order_by("pk")
    assert [entry.change_message for entry in entries] == ["Uploaded a file of access IDs.", "Had the file imported."]
    assert not [entry for entry in entries if "secret-id" in f"{entry.object_repr}{entry.change_message}"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The submitted file is empty."),
        (b"name,shoe size\nAda,38\n", "The file has no column that names the customer"),
        ("customer_id,access_id_1\nA,Müller\n".encode("latin-1"), "Line 2 is not in UTF-8"),
        (b"PK\x03\x04 broken", "The file is damaged, or no XLSX file"),
    ],
    ids=["empty", "columns", "encoding", "damaged"],
)
def test_file_that_cannot_be_read_is_a_sentence_at_the_field(agent, content, sentence):
    page = text_of(agent.post(UPLOAD, {"file": SimpleUploadedFile("ids.csv", content)}))
    errors = page[page.index('<ul class="errorlist"') :]
    assert sentence in errors[: errors.index("</ul>")]
    assert not AccessImport.objects.exists()


def test_large_file_is_checked_and_imported_in_the_background_and_the_page_follows(agent, links):
    access_import = access_imports.start(
        io.BytesIO(b"customer_id,access_id_1\nCUSTOMER-1,a\n"), name="large.csv", in_background=True
    )
    page = address(access_import, "change")
    assert "The file is being checked." in text_of(agent.get(page))
    assert 'http-equiv="refresh"' in text_of(agent.get(page))
    access_imports.continue_due()
    assert "Yes, import 1 line" in text_of(agent.get(page))
    assert 'http-equiv="refresh"' not in text_of(agent.get(page))
    agent.post(address(access_import, "confirm"))
    assert "<progress" in text_of(agent.get(page))
    access_imports.continue_due()
    assert "Done: 1 line was imported." in text_of(agent.get(page))


def test_many_bad_lines_come_in_pages(agent, links):
    upload(agent, *[f"nobody{number},x{number}," for number in range(150)], "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()
    first, second = (text_of(agent.get(address(access_import, "change") + query)) for query in ("", "?page=2"))
    assert ("nobody99<" in first, "nobody100<" in first, "nobody149<" in second) == (True, False, True)


def test_values_of_a_file_are_escaped(agent, links):
    page = text_of(upload(agent, '"<script>alert(1)</script>",x,', name="<b>.csv"))
    assert "<script>alert(1)" not in page
    assert "<b>.csv" not in page


@pytest.mark.parametrize("page", ["upload", "example", "confirm", "cancel", "failures"])
def test_agent_without_the_permission_may_look_at_most(agent, agent_who_may, links, page):
    upload(agent, "CUSTOMER-1,a,", "nobody,b,")
    access_import = AccessImport.objects.get()
    other = agent_who_may("view_accessimport")
    own = f"{LIST}{page}/" if page in ("upload", "example") else address(access_import, page)
    assert (other.get(own).status_code, other.post(own).status_code) == (403, 403)
    shown = text_of(other.get(address(access_import, "change")))
    assert "Yes, import" not in shown
    assert "Import a file" not in text_of(other.get(LIST))
    assert agent_who_may().get(LIST).status_code == 403


@pytest.mark.parametrize("page", ["confirm", "cancel"])
def test_link_does_nothing(agent, links, page):
    upload(agent, "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()
    assert agent.get(address(access_import, page)).status_code == 404
    access_import.refresh_from_db()
    assert access_import.state == "planned"


@pytest.mark.parametrize("key", ["nothing", "0", "99999999999999999999999"])
def test_import_that_is_not_there_is_not_found(agent, key):
    assert agent.get(f"{LIST}{key}/change/").status_code == 404


def test_list_asks_the_same_number_of_queries_however_long_it_is(agent, links, django_assert_max_num_queries):
    for number in range(5):
        upload(agent, f"CUSTOMER-1,a{number},")
    with django_assert_max_num_queries(8):
        page = text_of(agent.get(LIST))
    assert page.count("ids.csv") == 5


def test_imports_are_not_deleted_and_links_lead_to_the_upload(agent, links):
    upload(agent, "CUSTOMER-1,a,")
    access_import = AccessImport.objects.get()
    assert agent.post(address(access_import, "delete"), {"post": "yes"}).status_code == 403
    assert UPLOAD in text_of(agent.get("/admin/plenigo/customerlink/"))
    assert UPLOAD in text_of(agent.get(LIST))
