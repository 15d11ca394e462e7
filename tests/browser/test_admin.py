"""The support agent's pages by keyboard alone, for a screen reader, light and dark, and under a strict policy."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from playwright.sync_api import expect

from django_plenigo import conf
from django_plenigo.errors import AuthenticationError, ConflictError, NoAnswerError
from django_plenigo.models import CustomerLink
from django_plenigo.protocols import base
from django_plenigo.services import access, access_ids, customers, outbox
from tests.browser.test_accessibility import NONE, barriers
from tests.factories import UserFactory

LINKS = "/admin/plenigo/customerlink/"
SSO_SETTINGS = f"{LINKS}sso-settings/"
CHANGES = "/admin/plenigo/remotechange/"

#: No page of ours needs more tab stops.
MOST_STOPS = 120


@pytest.fixture
def agent(sign_in, db):
    """A support agent in front of the admin."""
    agent = get_user_model().objects.create_superuser("agent", "agent@example.com")
    sign_in(agent)
    return agent


@pytest.fixture
def link(sandbox, reader, agent):
    """A reader in conflict, with everything that a panel may show."""
    link = CustomerLink.objects.get(user=reader)
    customers.register(UserFactory(username="bert", email="bert@example.com"))
    access_ids.import_access_ids(link, ["CRM-1"], imported_by=agent, imported_from="admin")
    sandbox.buy(link.customer_id, "DAYPASS")
    access.check_access(reader, ["DAYPASS"])
    reader.email = "bert@example.com"
    reader.save()
    outbox.refuse(link.remote_changes.get(kind="change_email"), ConflictError("plenigo", "change_email", status=409))
    outbox.pause("default", AuthenticationError("plenigo", "change_email", status=401), timedelta(minutes=5))
    return link


def change_of(link):
    return link.remote_changes.get(kind="change_email")


def reach(page, what):
    """Press Tab until something has the focus, and make sure that this can be seen."""
    element = what.element_handle()  # looked for once, not at each stop
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if element.evaluate("element => element === document.activeElement"):
            signs = """element => {
                const { outlineStyle, boxShadow, textDecorationLine } = getComputedStyle(element);
                return [outlineStyle, boxShadow, textDecorationLine];
            }"""
            assert set(element.evaluate(signs)) != {"none"}, "nobody sees where the focus is"
            return
    pytest.fail("The keyboard does not reach it.")


@pytest.mark.parametrize("start", ["user", "link", "outbox"])
def test_try_again_works_by_keyboard_alone(page, link, start):
    change = change_of(link)
    addresses = {
        "user": f"/admin/auth/user/{link.user_id}/change/",
        "link": f"{LINKS}{link.pk}/change/",
        "outbox": f"{CHANGES}{change.pk}/change/",
    }
    page.goto(addresses[start])
    reach(page, page.get_by_role("link", name="Try again").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Try again")).to_be_visible()
    assert change_of(link).is_refused  # it asks first
    reach(page, page.get_by_role("button", name="Try again"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 change will be sent again.")).to_be_visible()
    expect(page).to_have_url(re.compile(re.escape(addresses[start]) + "$"))
    assert change_of(link).is_waiting
    assert LogEntry.objects.count() == 1


def test_try_again_of_several_works_from_the_work_list_by_keyboard_alone(page, link):
    page.goto(f"{CHANGES}?state=refused")
    reach(page, page.get_by_label("Select all objects on this page for an action"))
    page.keyboard.press("Space")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("Try")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Try again")).to_be_visible()
    reach(page, page.get_by_role("button", name="Try again"))
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 change will be sent again.")).to_be_visible()
    assert change_of(link).is_waiting


def test_keyboard_comes_to_the_answer_of_a_check_at_once(page, link):
    page.goto(f"{LINKS}check/?ids={link.pk}")
    reach(page, page.get_by_label("Product IDs"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Answers")).to_be_focused()
    expect(page.get_by_role("region", name="Answers")).to_contain_text("DAYPASS: yes")


def test_error_of_an_import_has_the_focus_and_what_was_typed_is_still_there(page, link):
    page.goto(f"{LINKS}import-access-ids/?ids={link.pk}")
    field = page.get_by_label("Access ID 2")
    field.fill("CRM-1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(field).to_have_value("CRM-1")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("Is another access ID of the same customer already")).to_be_visible()


def test_error_of_a_check_has_the_focus_and_is_in_the_title(page, link):
    page.goto(f"{LINKS}check/?ids={link.pk}")
    page.get_by_label("Product IDs").fill("")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: Check at plenigo"))


def test_click_on_an_id_selects_the_whole(page, link):
    page.goto(f"{LINKS}{link.pk}/change/")
    page.locator("code.plenigo-id").first.click()
    assert page.evaluate("String(getSelection())").strip() == link.customer_id


@pytest.mark.parametrize("start", ["user", "link"])
def test_customer_id_is_copied_by_keyboard_alone(page, link, start):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/admin/auth/user/{link.user_id}/change/" if start == "user" else f"{LINKS}{link.pk}/change/")
    reach(page, page.get_by_role("button", name="Copy: Customer ID"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == link.customer_id


def test_id_is_marked_where_the_browser_lets_no_page_copy(page, link):
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.goto(f"{LINKS}{link.pk}/change/")
    page.get_by_role("button", name="Copy: Access ID 1").press("Enter")
    expect(page.get_by_role("status").filter(has_text="Marked: copy it by the keyboard.")).to_be_visible()
    assert page.evaluate("String(getSelection())").strip() == "CRM-1"


PAGES = {
    "user": lambda link: f"/admin/auth/user/{link.user_id}/change/",
    "links": lambda link: f"{LINKS}?q=bert@example.com",
    "link": lambda link: f"{LINKS}{link.pk}/change/",
    "check": lambda link: f"{LINKS}check/?ids={link.pk}",
    "import": lambda link: f"{LINKS}import-access-ids/?ids={link.pk}",
    "send again": lambda link: f"{LINKS}send-again/?ids={link.pk}",
    "outbox": lambda link: CHANGES,
    "work list": lambda link: f"{CHANGES}?state=refused",
    "change": lambda link: f"{CHANGES}{change_of(link).pk}/change/",
    "try again": lambda link: f"{CHANGES}try-again/?ids={change_of(link).pk}",
    "leave": lambda link: f"{CHANGES}leave-as-it-is/?ids={change_of(link).pk}",
    "accounts": lambda link: f"{LINKS}accounts/",
    "register": lambda link: f"/admin/auth/user/register-with-plenigo/?ids={link.user_id},{link.user_id + 1}",
    "delete": lambda link: f"/admin/auth/user/{link.user_id}/delete/",
}

#: Of Django's own, in one version or another: the label of the search box, the icons beside a choice of many, the two
#: fields of a date, and links that only their colour tells from the text around them.
DJANGOS_OWN = ["#searchbar", ".help-tooltip", ".datetime", ".breadcrumbs", "#deleted-objects"]


@pytest.mark.parametrize("name", PAGES)
def test_page_has_no_barriers_light_or_dark_and_needs_no_script_and_no_style_of_its_own(page, link, name, violations):
    page.goto(PAGES[name](link))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert violations == []
    assert barriers(page, without=DJANGOS_OWN) == NONE  # light
    page.emulate_media(color_scheme="dark")
    page.reload()  # a change of colours takes its time
    assert barriers(page, without=DJANGOS_OWN) == NONE


def test_no_page_is_wider_than_a_phone_whatever_a_reader_is_called(page, link, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "DELIVERY": conf.IN_THREAD}}  # a dotted path
    get_user_model().objects.filter(pk=link.user_id).update(username=f"{'a.long.name.' * 8}@example.com")
    page.set_viewport_size({"width": 390, "height": 844})
    wide = set()
    for name in PAGES.keys() - {"user", "delete"}:  # Django's own headings
        page.goto(PAGES[name](link))
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            wide.add(name)
    assert wide == set()


def test_every_field_of_an_import_is_there_in_a_narrow_window(page, link):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(PAGES["import"](link))
    for number in (1, 2, 3, 4):
        field = page.get_by_label(f"Access ID {number}")
        assert field.evaluate("element => element.getBoundingClientRect().right <= innerWidth")
        field.click()


@pytest.fixture
def sso_settings(page, stand_in, agent, settings):
    """Open the page of plenigo's settings with each of its parts: a warning, a failure, the last answer."""
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "SSO_TTL_SECONDS": 0}}
    stand_in.set(token_type=base.TokenType.SMS)

    def show():
        page.goto(SSO_SETTINGS)
        stand_in.failures = [NoAnswerError("plenigo", "read_sso_settings")]
        page.goto(SSO_SETTINGS)
        expect(page.get_by_text("What is shown here is the last answer.")).to_be_visible()
        return page

    return show


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_settings_of_single_sign_on_have_no_barriers(page, sso_settings, scheme):
    page.emulate_media(color_scheme=scheme)
    sso_settings()
    expect(page.get_by_role("region", name="What does not fit")).to_be_visible()
    assert barriers(page, without=DJANGOS_OWN) == NONE


def test_settings_of_single_sign_on_need_no_script_and_no_style_of_their_own(sso_settings, violations):
    expect(sso_settings().get_by_role("heading", level=1)).to_be_visible()
    assert violations == []


def test_settings_of_single_sign_on_fit_a_narrow_window(sso_settings, page):
    page.set_viewport_size({"width": 390, "height": 844})
    assert sso_settings().evaluate("document.documentElement.scrollWidth") <= 390


def test_settings_of_single_sign_on_are_asked_for_again_by_keyboard_alone(page, stand_in, agent):
    page.goto(SSO_SETTINGS)
    stand_in.set(most_sessions=7)
    reach(page, page.get_by_role("button", name="Ask plenigo again"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="Number of parallel log ins per customer")).to_contain_text("7")
