"""Files of a portal's references in the admin: upload, plan, yes, result, and who may what."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from django_plenigo.models import AccessId, AccessImport, PortalAccount
from django_plenigo.services import access_imports
from tests.access_imports.files import csv_file, xlsx_file
from tests.admin.conftest import text_of
from tests.factories import LinkFactory, UserFactory

LIST = "/admin/plenigo/accessimport/"
UPLOAD = f"{LIST}upload/"


@pytest.fixture(autouse=True)
def _portals(settings):
    settings.PLENIGO_PORTALS = {name: {"BACKEND": "tests.site.portals.Harbour"} for name in ("okepay", "2checkout")}


@pytest.fixture
def users(db):
    return [UserFactory(username=name) for name in ("ada", "bea")]


@pytest.fixture
def agent(agent_who_may):
    """An agent who may add portal accounts, and import no access ids."""
    return agent_who_may("add_portalaccount")


def upload(client, *lines, header="username,reference", place="portal:okepay", name="okepay.csv"):
    """Send a file of lines, and return the page that the agent is led to."""
    content = "\n".join([header, *lines]).encode()
    return client.post(UPLOAD, {"file": SimpleUploadedFile(name, content), "account": place}, follow=True)


def say(client, what, access_import):
    return client.post(f"{LIST}{what}/", {"ids": access_import.pk, "confirmed": "yes"}, follow=True)


def choices_of(page):
    """What the page of the upload lets an agent choose."""
    return re.findall(r"<option [^>]*>([^<]+)</option>", text_of(page))


def planned(*lines, portal="okepay"):
    return access_imports.start(csv_file(*lines, header="username,reference"), name="okepay.csv", portal=portal)


# ---- the upload --------------------------------------------------------------------------------------------------


def test_agent_chooses_what_the_file_holds_among_what_she_may_import(agent_who_may, settings):
    portals = ["References of the portal okepay", "References of the portal 2checkout"]
    ids = "Access IDs of the account default"
    assert choices_of(agent_who_may("add_portalaccount", "import_accessid").get(UPLOAD)) == [ids, *portals]
    assert choices_of(agent_who_may("add_portalaccount").get(UPLOAD)) == portals
    of_ids = text_of(agent_who_may("import_accessid").get(UPLOAD))
    assert '<input type="hidden" name="account" value="default"' in of_ids
    assert "okepay" not in of_ids


def test_only_portal_is_not_asked_for(agent, users, settings):
    del settings.PLENIGO_PORTALS["2checkout"]
    assert '<input type="hidden" name="account" value="portal:okepay"' in text_of(agent.get(UPLOAD))
    upload(agent, "ada,101", place="")
    assert AccessImport.objects.get().portal == "okepay"


def test_link_chooses_a_portal(agent):
    page = text_of(agent.get(UPLOAD, {"portal": "2checkout"}))
    assert '<option value="portal:2checkout" selected>' in page


def test_page_of_the_upload_tells_the_columns_and_gives_a_file_that_has_them(agent, users):
    page = text_of(agent.get(UPLOAD))
    assert "one of email, user_id, username, customer_id or external_id" in page
    assert "access_id_1" not in page
    example = agent.get(f"{LIST}example/?references")
    assert example["Content-Disposition"] == 'attachment; filename="references.csv"'
    lines = f"{users[0].pk},101"
    page = text_of(upload(agent, lines, header=example.content.decode().strip()))
    assert "Yes, import 1 line" in page


def test_file_with_the_wrong_columns_is_a_sentence_at_the_field(agent):
    page = text_of(upload(agent, "C1,x", header="customer_id,access_id_1"))
    assert "The file has no column of references: reference, external_reference." in page
    assert not AccessImport.objects.exists()


def test_file_of_a_portal_whose_class_is_missing_is_a_sentence_at_the_field(agent, users, settings):
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "mysite.missing.Portal"}}
    page = text_of(upload(agent, "ada,101")).replace("&#x27;", "'")
    assert "PLENIGO_PORTALS['okepay']['BACKEND'] cannot be imported" in page
    assert not AccessImport.objects.exists()


def test_plan_is_shown_without_its_first_lines_once_the_portals_class_is_missing(agent, users, settings):
    run = planned("ada,101")
    settings.PLENIGO_PORTALS = {"okepay": {"BACKEND": "mysite.missing.Portal"}}
    assert "Yes, import 1 line" in text_of(agent.get(f"{LIST}{run.pk}/change/"))


@pytest.mark.parametrize("place", ["default", "portal:shop", "portal:"])
def test_place_that_is_not_offered_is_refused(agent, users, place):
    page = text_of(upload(agent, "ada,101", place=place))
    assert "Select a valid choice" in page
    assert not AccessImport.objects.exists()


# ---- the plan, the yes, the result -------------------------------------------------------------------------------


def test_plan_speaks_of_references_and_imports_nothing_before_the_yes(agent, users):
    PortalAccount.objects.create(portal="okepay", user=users[1], reference="102")
    page = text_of(upload(agent, "ada,101", "bea,102", "bea,103"))
    assert "references of the portal okepay" in page
    assert "of users who have no reference yet" in page
    assert "access ID" not in page
    assert '<th scope="row">changed</th>' not in page
    assert "is not the one that this user has at this portal" in page
    assert "Yes, import 1 line" in page
    assert PortalAccount.objects.count() == 1


def test_yes_binds_the_users_with_who_and_from_where(agent, users):
    upload(agent, "ada,101", "nobody,102")
    access_import = AccessImport.objects.get()
    page = text_of(say(agent, "confirm", access_import))
    assert "Done: 1 line was imported." in page
    assert "plenigo is" not in page
    account = PortalAccount.objects.get()
    assert (account.user, account.provenance, account.bound_by) == (users[0], "file", agent.agent)
    assert account.bound_from == "okepay.csv"
    failures = agent.get(f"{LIST}{access_import.pk}/failures/")
    assert b"nobody,102,username: this site has no such user" in b"".join(failures.streaming_content)


def test_page_that_asks_says_that_nothing_is_moved(agent, users):
    run = planned("ada,101")
    page = text_of(agent.get(f"{LIST}confirm/", {"ids": run.pk}))
    assert "A reference that is there already is not moved." in page
    assert "plenigo is told" not in page


def test_columns_and_sheets_that_are_not_read_are_told_in_the_words_of_references(agent, users):
    rows = xlsx_file(
        ["ada", "101", "38"],
        header=["username", "reference", "shoe size"],
        change=lambda sheet: sheet.parent.create_sheet("More"),
    )
    file = SimpleUploadedFile("okepay.xlsx", rows.getvalue())
    page = text_of(agent.post(UPLOAD, {"file": file, "account": "portal:okepay"}, follow=True))
    assert "If these hold references too, upload each as a file of its own: More." in page
    assert "These columns are nobody's reference and are left out: shoe size." in page.replace("&#x27;", "'")


def test_list_names_the_portal(agent, users):
    planned("ada,101", portal="2checkout")
    page = text_of(agent.get(LIST))
    assert '<td class="field-portal">2checkout</td>' in page
    assert "Import a file" in page


# ---- who may what ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["confirm", "cancel"])
def test_agent_who_may_import_the_one_kind_neither_sees_nor_decides_the_other(agent_who_may, users, what):
    LinkFactory(customer_id="C1")
    of_ids = access_imports.start(csv_file("C1,secret-id", "nobody,x", header="customer_id,access_id_1"))
    of_portal = planned("ada,secret-reference", "nobody,x")
    for permission, mine, others in [
        ("add_portalaccount", of_portal, of_ids),
        ("import_accessid", of_ids, of_portal),
    ]:
        client = agent_who_may(permission)
        assert "secret" in text_of(client.get(f"{LIST}{mine.pk}/change/"))
        page = text_of(client.get(f"{LIST}{others.pk}/change/"))
        assert "You may not see what stands in them." in page
        assert "secret" not in page
        assert "Yes, import" not in page
        assert client.get(f"{LIST}{others.pk}/failures/").status_code == 403
        assert say(client, what, others).status_code == 403
        others.refresh_from_db()
        assert others.state == "planned"
    assert not AccessId.objects.exists()
    assert not PortalAccount.objects.exists()


def test_agent_who_may_add_portal_accounts_has_nothing_to_upload_where_there_are_no_portals(agent, settings):
    settings.PLENIGO_PORTALS = {}
    assert agent.get(UPLOAD).status_code == 403
    assert "Import a file" not in text_of(agent.get(LIST))
