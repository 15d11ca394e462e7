"""A file of access ids by keyboard alone: plan, yes, progress, result, and the failed lines fed back in."""

import io

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from django_plenigo import delivery
from django_plenigo.models import AccessId, AccessImport
from django_plenigo.services import access_imports
from tests.browser.test_accessibility import NONE, barriers
from tests.browser.test_admin import DJANGOS_OWN, reach
from tests.factories import LinkFactory, UserFactory

LIST = "/admin/plenigo/accessimport/"


@pytest.fixture
def agent(sign_in, db):
    """A support agent in front of the admin, and three customers."""
    agent = get_user_model().objects.create_superuser("agent", "agent@example.com")
    for number in (1, 2, 3):
        LinkFactory(customer_id=f"CUSTOMER-{number}")
    sign_in(agent)
    return agent


@pytest.fixture
def few(agent):
    """The lines of a small file, with two that are bad."""
    return ["nobody-1,x", *(f"CUSTOMER-{number},id-{number}" for number in (1, 2, 3)), "nobody-2,y"]


@pytest.fixture
def many(agent):
    """The lines of a file that takes three chunks, with two that are bad."""
    users = get_user_model().objects.bulk_create(UserFactory.build_batch(2500))
    links = [LinkFactory.build(user=user, customer_id=f"MANY-{user.pk}") for user in users]
    type(links[0]).objects.bulk_create(links)
    good = [f"{link.customer_id},id-{link.customer_id}" for link in links]
    return ["nobody-1,x", *good, "nobody-2,y"]


def start(lines, *, in_background=False):
    """Have a file planned as an agent would, without a browser."""
    file = io.BytesIO("\n".join(["customer_id,access_id_1,access_id_2,access_id_3", *lines]).encode())
    agent = get_user_model().objects.get(username="agent")
    return access_imports.start(file, name="large.csv", created_by=agent, in_background=in_background)


def go_on():
    """Do what a turn in the background does that ends after one chunk."""
    begun = []
    access_imports.continue_due(must_stop=lambda: bool(begun), observe=begun.append)


def confirmed(lines):
    """A large file that somebody has said yes to."""
    access_import = start(lines, in_background=True)
    access_imports.continue_due()
    access_imports.confirm(access_import)
    return access_import


def upload(page, path):
    """Send a file by keyboard alone."""
    page.goto(LIST)
    reach(page, page.get_by_role("link", name="Import a file"))
    page.keyboard.press("Enter")
    reach(page, page.get_by_label("File"))
    page.get_by_label("File").set_input_files(path)  # the dialogue that would open is the browser's
    reach(page, page.get_by_role("button", name="Check the file"))
    page.keyboard.press("Enter")


def press(page, role, name):
    reach(page, page.get_by_role(role, name=name))
    page.keyboard.press("Enter")


def test_file_is_planned_confirmed_mended_and_fed_back_in_by_keyboard_alone(page, agent, tmp_path):
    file, mended = tmp_path / "ids.csv", tmp_path / "mended.csv"
    file.write_text("customer_id,access_id_1\nCUSTOMER-1,crm-1\nnobody,=crm-2\nCUSTOMER-3,crm-3\n")
    upload(page, file)
    expect(page.get_by_text("Nothing is imported yet.")).to_be_visible()
    expect(page.get_by_role("row", name="2 new CUSTOMER-1 crm-1")).to_be_visible()
    expect(page.get_by_role("row", name="3 customer_id nobody no customer of this site")).to_be_visible()
    assert not AccessId.objects.exists()
    press(page, "button", "Yes, import 2 lines")
    expect(page.get_by_text("Done: 2 lines were imported.")).to_be_visible()
    reach(page, page.get_by_role("link", name="Download these lines"))
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    mended.write_text(download.value.path().read_text(encoding="utf-8-sig").replace("nobody", "CUSTOMER-2"))
    upload(page, mended)
    press(page, "button", "Yes, import 1 line")
    expect(page.get_by_text("Done: 1 line was imported.")).to_be_visible()
    assert sorted(AccessId.objects.values_list("value", flat=True)) == ["=crm-2", "crm-1", "crm-3"]
    upload(page, mended)
    expect(page.get_by_text("Everything in the file is in place already.")).to_be_visible()


def test_file_that_cannot_be_read_is_told_at_its_field_and_the_next_one_is_taken(page, agent, tmp_path):
    file = tmp_path / "ids.csv"
    file.write_text("customer_id,access_id_1\nCUSTOMER-1,Müller\n", encoding="latin-1")
    upload(page, file)
    expect(page.get_by_role("alert")).to_be_focused()
    field = page.get_by_label("File")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("Line 2 is not in UTF-8")).to_be_visible()
    file.write_text("customer_id,access_id_1\nCUSTOMER-1,Müller\n", encoding="utf-8")
    field.set_input_files(file)
    press(page, "button", "Check the file")
    expect(page.get_by_text("Nothing is imported yet.")).to_be_visible()


def test_import_is_cancelled_by_keyboard_alone(page, agent):
    access_import = start(["CUSTOMER-1,a"])
    page.goto(f"{LIST}{access_import.pk}/change/")
    press(page, "link", "Cancel the import")
    expect(page.get_by_text("What is imported already stays.")).to_be_visible()
    press(page, "button", "Cancel the import")
    expect(page.get_by_text("This import was cancelled.")).to_be_visible()
    assert not AccessId.objects.exists()


def test_page_of_a_large_file_follows_its_progress_and_keeps_the_focus(page, many):
    access_import = start(many, in_background=True)
    page.goto(f"{LIST}{access_import.pk}/change/")
    expect(page.get_by_text("Waits to be checked.")).to_be_visible()
    access_imports.continue_due()
    press(page, "button", "Yes, import 2500 lines")
    expect(page.get_by_text("Waits to be imported.")).to_be_visible()
    cancel = page.get_by_role("link", name="Cancel the import")
    reach(page, cancel)
    go_on()
    expect(page.get_by_text("Waits at line 1001 of 2503 for its turn.")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("30 % of the file are imported.")
    expect(page.get_by_label("Progress of the import")).to_have_attribute("value", "1001")
    expect(cancel).to_be_focused()
    access_imports.continue_due()
    expect(page.get_by_text("Done: 2500 lines were imported.")).to_be_visible()
    expect(page.get_by_role("row", name="2503 customer_id nobody-2")).to_be_visible()
    assert AccessId.objects.count() == 2500


def test_page_of_a_large_file_can_be_followed_without_scripts(browser, sign_in, base_url, many):
    access_import = confirmed(many)
    context = browser.new_context(java_script_enabled=False, base_url=base_url)
    sign_in(get_user_model().objects.get(username="agent"), context)
    page = context.new_page()
    page.goto(f"{LIST}{access_import.pk}/change/")
    go_on()
    expect(page.get_by_text("Waits to be imported.")).to_be_visible()
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("Waits at line 1001 of 2503 for its turn.")).to_be_visible()
    context.close()


def test_large_file_is_worked_on_by_the_thread_of_the_site_and_the_page_comes_to_the_end(
    page, agent, settings, tmp_path, violations
):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "DELIVERY": "django_plenigo.delivery.in_thread"}}
    note = "x" * 9000
    lines = [f"CUSTOMER-{number},id-{number},{note}" for number in (1, 2, 3)] + [f"nobody,,{note}"] * 40
    file = tmp_path / "large.csv"
    file.write_text("\n".join(["customer_id,access_id_1,note", *lines]))
    try:
        upload(page, file)
        press(page, "button", "Yes, import 3 lines")
        expect(page.get_by_text("Done: 3 lines were imported.")).to_be_visible()
    finally:
        delivery._drainer.join(60)
    assert AccessImport.objects.get().is_large
    assert AccessId.objects.count() == 3
    assert violations == []


def at_progress(lines):
    access_import = confirmed(lines)
    go_on()
    return access_import


PAGES = {
    "upload": lambda lines: f"{LIST}upload/",
    "list": lambda lines: start(lines) and LIST,
    "plan": lambda lines: f"{LIST}{start([*lines[:3], lines[-1]]).pk}/change/",
    "bad lines": lambda lines: f"{LIST}{start([*[f'nobody,{number}' for number in range(450)], lines[1]]).pk}/change/",
    "progress": lambda lines: f"{LIST}{at_progress(lines).pk}/change/",
    "cancel": lambda lines: f"{LIST}cancel/?ids={start(lines[:3]).pk}",
}


@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_barriers_light_or_dark_breaks_no_policy_and_fits_a_phone(page, agent, request, violations, name):
    page.goto(PAGES[name](request.getfixturevalue("many" if name == "progress" else "few")))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert violations == []
    assert barriers(page, without=DJANGOS_OWN) == NONE  # light
    page.emulate_media(color_scheme="dark")
    page.reload()  # a change of colours takes its time
    assert barriers(page, without=DJANGOS_OWN) == NONE
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_lines_that_are_not_imported_fit_a_narrow_window_with_their_reasons(page, agent):
    value = "x" * 200
    access_import = start(
        [f"nobody-at-all-who-has-a-long-id@{value}.example.com,a", f"CUSTOMER-1,{value}", "CUSTOMER-2"]
    )
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{LIST}{access_import.pk}/change/")
    region = page.get_by_role("region", name="Lines that are not imported")
    assert region.get_by_role("row").count() == 4
    assert region.evaluate("element => element.scrollWidth <= element.clientWidth")
