"""The portal: who gets in, sees what, and changes what. Source: docs/protocols/okepay.md 4, 5 and 7."""

from datetime import timedelta

import pytest
from django.urls import reverse

from django_plenigo.sandbox import clock
from django_plenigo.sandbox.models import OkePayContact, OkePayPortalSession
from django_plenigo.sandbox.okepay import login_links
from tests.sandbox.okepay.conftest import MOUNT, Browser

MINUTE = 60


def link_of(contact):
    return f"{MOUNT}login/?token={login_links.mint(contact).token}"


@pytest.fixture
def portal(visitor, contact):
    """The portal, entered by a link."""
    return visitor.get(link_of(contact))


class TestLink:
    def test_link_leads_into_the_portal_without_the_token_in_the_address(self, portal):
        assert (portal.status, portal.address) == (200, MOUNT)
        assert "Logged in as jane@example.com." in portal.text

    def test_link_works_once(self, visitor, contact):
        link = link_of(contact)
        assert visitor.get(link).status == 200
        assert Browser().get(link).status == 410

    def test_link_works_for_ten_minutes_of_the_sandboxs_clock(self, visitor, contact, sandbox, standing_time):
        first, second = link_of(contact), link_of(contact)
        sandbox.advance(10 * MINUTE - 1)
        assert visitor.get(first).status == 200
        sandbox.advance(1)
        assert Browser().get(second).status == 410

    def test_unknown_used_and_expired_links_are_one_page(self, visitor, contact, sandbox):
        used, expired = link_of(contact), link_of(contact)
        visitor.get(used)
        sandbox.advance(11 * MINUTE)
        addresses = [used, expired, f"{MOUNT}login/?token=x", f"{MOUNT}login/", f"{MOUNT}login/?token=%00"]
        pages = [Browser().get(address) for address in addresses]
        assert {page.status for page in pages} == {410}
        assert len({page.text for page in pages}) == 1
        assert pages[0].headers["Content-Type"] == "text/html; charset=utf-8"

    def test_link_of_another_instance_works_there_only(self, visitor, contact, other_instance):
        link = link_of(contact).replace("demo-instance", "other")
        assert visitor.get(link).status == 410

    @pytest.mark.parametrize("method", ["head", "post", "options"])
    def test_only_get_uses_a_link_up(self, visitor, contact, method):
        link = link_of(contact)
        assert getattr(visitor.client, method)(link).status_code == 405
        assert visitor.get(link).status == 200

    def test_pages_are_for_nobodys_cache_and_for_no_frame(self, visitor, contact, portal):
        for page in (portal, visitor.get(f"{MOUNT}login/?token=x"), visitor.get(portal.link("Cancel"))):
            assert page.headers["Cache-Control"] == "no-store"
            assert page.headers["Referrer-Policy"] == "no-referrer"
            assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
            assert "<script" not in page.text
            assert '<html lang="en">' in page.text

    def test_cookie_is_kept_from_scripts_and_from_other_paths(self, visitor, contact):
        visitor.get(link_of(contact))
        cookie = visitor.client.cookies["okepay_portal"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", MOUNT)
        assert cookie["max-age"] == 30 * MINUTE
        assert cookie.value not in str(list(OkePayPortalSession.objects.values()))

    def test_cookie_travels_encrypted_where_the_page_does(self, visitor, contact):
        response = visitor.client.get(link_of(contact), secure=True)
        assert response.cookies["okepay_portal"]["secure"]


class TestSession:
    def test_without_a_session_there_is_nothing_to_see(self, visitor, contact):
        for path in ("", "payment-data/", f"subscriptions/{contact.subscriptions.get().number}/cancel/"):
            page = visitor.get(f"{MOUNT}{path}")
            assert (page.status, "jane@example.com" in page.text) == (401, False)

    def test_session_ends_after_half_an_hour_of_the_sandboxs_clock(self, portal, visitor, sandbox):
        sandbox.advance(29 * MINUTE)
        assert visitor.get(MOUNT).status == 200
        sandbox.advance(2 * MINUTE)
        assert visitor.get(MOUNT).status == 401

    def test_logging_out_ends_it_here_and_at_the_vendor(self, portal, visitor):
        cookie = visitor.client.cookies["okepay_portal"].value
        page = portal.press(f"{MOUNT}logout/")
        assert (page.status, "You have been logged out" in page.text) == (200, True)
        assert visitor.client.cookies["okepay_portal"].value == ""
        thief = Browser()
        thief.client.cookies["okepay_portal"] = cookie
        assert thief.get(MOUNT).status == 401

    def test_another_link_in_the_same_browser_changes_the_person(self, portal, visitor, sandbox):
        other = sandbox.okepay_contact("ida@example.com")
        assert "ida@example.com" in visitor.get(link_of(other)).text
        assert OkePayPortalSession.objects.get().contact == other

    def test_session_of_one_instance_opens_no_other(self, portal, visitor, other_instance):
        visitor.client.cookies["okepay_portal"]["path"] = "/"
        assert visitor.get(MOUNT.replace("demo-instance", "other")).status == 401

    @pytest.mark.parametrize("path", ["logout/", "payment-data/", "cancel"])
    @pytest.mark.parametrize("ticket", ["", "forged", "of another session"])
    def test_form_of_another_site_changes_nothing(self, portal, visitor, sandbox, contact, path, ticket):
        row = contact.subscriptions.get()
        if ticket == "of another session":
            ticket = Browser().get(link_of(sandbox.okepay_contact("eve@example.com"))).ticket
        path = path.replace("cancel", f"subscriptions/{row.number}/cancel/")
        fields = {"ticket": ticket, "number": "5555 5555 5555 4444", "expires": "01/41"}
        assert visitor.post(f"{MOUNT}{path}", fields).status == 403
        row.refresh_from_db()
        assert (row.status, visitor.get(MOUNT).status) == ("active", 200)
        assert OkePayContact.objects.get(pk=contact.pk).card_digits == "4242"

    def test_unknown_instance_is_a_readable_page(self, visitor):
        page = visitor.get("/plenigo-sandbox/okepay/nobody/")
        assert (page.status, "knows no OkePay instance" in page.text) == (404, True)


class TestPortal:
    def test_contact_sees_all_payments_and_subscriptions_and_nobody_elses(self, visitor, contact, sandbox):
        sandbox.okepay_contact("jane@example.com", interval="")
        sandbox.okepay_contact("eve@example.com")
        page = visitor.get(link_of(contact))
        assert page.text.count('data-status="active"') == 1
        assert page.text.count("<td>12.50 CHF</td>") == 2
        assert "•••• 4242" in page.text

    def test_cancelling_asks_first_and_lets_run_on_what_is_paid(self, portal, contact, sandbox):
        page = portal.browser.get(portal.link("Cancel subscription"))
        row = contact.subscriptions.get()
        assert ("Do you want to cancel this subscription?" in page.text, row.status) == (True, "active")
        back = page.press()
        row.refresh_from_db()
        assert (row.status, row.end) == ("in_notice", row.valid_until)
        assert "Your subscription has been cancelled." in back.text
        assert ('data-status="in_notice"' in back.text, "Cancel subscription" in back.text) == (True, False)

    def test_asked_whether_to_cancel_one_may_go_back(self, portal, contact):
        page = portal.browser.get(portal.link("Cancel subscription"))
        assert page.browser.get(page.link("No, go back")).status == 200
        assert contact.subscriptions.get().status == "active"

    def test_cancelling_twice_is_told(self, portal, contact):
        page = portal.browser.get(portal.link("Cancel subscription"))
        page.press()
        again = page.press()
        assert (again.status, "has been cancelled already" in again.text) == (403, True)

    def test_subscription_of_somebody_else_cannot_be_cancelled(self, portal, sandbox):
        other = sandbox.okepay_contact("eve@example.com").subscriptions.get()
        assert portal.press(f"{MOUNT}subscriptions/{other.number}/cancel/").status == 403
        other.refresh_from_db()
        assert other.status == "active"

    def test_payment_data_are_changed_and_four_digits_are_kept(self, portal, contact):
        form = portal.browser.get(portal.link("Change payment data"))
        back = form.press(number="5555 5555 5555 4444", expires="01/41")
        assert "Your payment data have been changed." in back.text
        assert ("mastercard •••• 4444" in back.text, "01/41" in back.text) == (True, True)
        assert "5555" not in str(list(OkePayContact.objects.values()))

    @pytest.mark.parametrize(
        ("number", "expires", "problem"),
        [
            ("1234", "01/41", "Write 12 to 19 digits."),
            ("", "01/41", "This field is required."),
            ("5555 5555 5555 4444", "13/41", "Write month and year"),
        ],
    )
    def test_bad_payment_data_are_told_at_the_field(self, portal, contact, number, expires, problem):
        form = portal.browser.get(portal.link("Change payment data"))
        page = form.press(number=number, expires=expires)
        assert (page.status, problem in page.text, 'role="alert"' in page.text) == (200, True, True)
        assert OkePayContact.objects.get(pk=contact.pk).card_digits == "4242"

    def test_pages_speak_german_where_the_browser_does(self, visitor, contact):
        response = visitor.client.get(link_of(contact), headers={"Accept-Language": "de"}, follow=True)
        assert '<html lang="de">' in response.content.decode()

    def test_names_are_shown_as_text(self, visitor, contact):
        contact.subscriptions.update(purpose="<b>x</b>")
        assert "&lt;b&gt;x&lt;/b&gt;" in visitor.get(link_of(contact)).text


def test_shut_sandbox_shows_no_page(visitor, contact, settings):
    link = link_of(contact)
    settings.PLENIGO_SANDBOX = {}
    assert {visitor.get(address).status for address in (link, MOUNT, f"{MOUNT}pay/")} == {503}


def test_addresses_are_told_by_their_names(db):
    assert reverse("plenigo_sandbox_okepay_pay", args=["demo-instance"]) == f"{MOUNT}pay/"


def test_old_sessions_are_forgotten(visitor, contact, sandbox):
    visitor.get(link_of(contact))
    sandbox.advance(timedelta(hours=1).total_seconds())
    Browser().get(link_of(contact))
    assert OkePayPortalSession.objects.get().expires_at > clock.now()
