"""A file of access ids by keyboard alone: plan, yes, result, and the failed lines fed back in."""

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from django_plenigo.models import AccessId
from tests.browser.test_accessibility import NONE, barriers
from tests.browser.test_admin import reach
from tests.factories import LinkFactory

LIST = "/admin/plenigo/accessimport/"


@pytest.fixture
def agent(sign_in, db):
    """A support agent in front of the admin, and three customers."""
    agent = get_user_model().objects.create_superuser("agent", "agent@example.com")
    for number in (1, 2, 3):
        LinkFactory(customer_id=f"CUSTOMER-{number}")
    sign_in(agent)
    return agent


def upload(page, path):
    page.goto(LIST)
    reach(page, page.get_by_role("link", name="Import a file"))
    page.keyboard.press("Enter")
    page.get_by_label("File").set_input_files(path)
    reach(page, page.get_by_role("button", name="Check the file"))
    page.keyboard.press("Enter")


def test_file_is_planned_confirmed_mended_and_fed_back_in_by_keyboard_alone(page, agent, tmp_path):
    file = tmp_path / "ids.csv"
    file.write_text("customer_id,access_id_1\nCUSTOMER-1,crm-1\nnobody,crm-2\nCUSTOMER-3,crm-3\n")
    upload(page, file)
    expect(page.get_by_text("Nothing is imported yet.")).to_be_visible()
    expect(page.get_by_role("row", name="3 customer_id nobody")).to_be_visible()
    assert not AccessId.objects.exists()
    reach(page, page.get_by_role("button", name="Yes, import 2 lines"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Done: 2 lines were imported.")).to_be_visible()
    reach(page, page.get_by_role("link", name="Download these lines"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    mended = tmp_path / "mended.csv"
    mended.write_text(download.value.path().read_text(encoding="utf-8-sig").replace("nobody", "CUSTOMER-2"))
    upload(page, mended)
    reach(page, page.get_by_role("button", name="Yes, import 1 line"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Done: 1 line was imported.")).to_be_visible()
    assert sorted(AccessId.objects.values_list("value", flat=True)) == ["crm-1", "crm-2", "crm-3"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_a_file_have_no_barriers(page, agent, tmp_path, scheme):
    page.emulate_media(color_scheme=scheme)
    file = tmp_path / "ids.csv"
    file.write_text("customer_id,access_id_1,shoe size\nCUSTOMER-1,crm-1,38\nnobody,crm-2,\n")
    page.goto(f"{LIST}upload/")
    assert barriers(page) == NONE
    upload(page, file)
    expect(page.get_by_text("Nothing is imported yet.")).to_be_visible()
    assert barriers(page) == NONE
    page.get_by_role("button", name="Yes, import 1 line").click()
    expect(page.get_by_text("Done: 1 line was imported.")).to_be_visible()
    assert barriers(page) == NONE
