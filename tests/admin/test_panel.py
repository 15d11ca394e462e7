"""The panel on the pages of users and links: it says how things stand, and what to do."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.utils import timezone

from django_plenigo.admin import CustomerPanelMixin
from django_plenigo.errors import AuthenticationError, ConflictError, NoAnswerError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import access, access_ids, customers, outbox
from tests.admin.conftest import text_of
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db

TAKEN = ConflictError("plenigo", "change_email", status=409)


def page_of(client, row):
    kind = "plenigo/customerlink" if isinstance(row, CustomerLink) else "auth/user"
    return text_of(client.get(f"/admin/{kind}/{row.pk}/change/"))


@pytest.fixture(params=["user", "link"])
def shown(request, admin_client, link):
    """Return what an agent reads of the reader, on either page."""
    return lambda: page_of(admin_client, link if request.param == "link" else link.user)


def test_customer_is_shown_as_linked_with_ids_that_can_be_copied(shown, link):
    page = shown()
    assert "✓</span> linked" in page
    assert f'<code class="plenigo-id">{link.customer_id}</code>' in page
    assert f'<code class="plenigo-id">{link.external_id}</code>' in page
    for name in ("Customer ID", "External ID"):
        assert f'aria-label="Copy: {name}"' in page
    assert "plenigo/copy.js" in page
    assert "just now" in page
    assert "differs" not in page


@pytest.mark.parametrize(
    ("hours", "age"), [(1, "vor 1 Stunde"), (72, "vor 3 Tagen"), (24 * 65, "vor 2 Monaten"), (24 * 800, "vor 2 Jahren")]
)
def test_german_says_how_long_ago_the_last_sync_was_in_the_right_case(admin_client, link, hours, age):
    CustomerLink.objects.update(confirmed_at=timezone.now() - timedelta(hours=hours, minutes=1))
    page = admin_client.get(f"/admin/plenigo/customerlink/{link.pk}/change/", headers={"accept-language": "de"})
    assert age in text_of(page).replace("\xa0", " ")


def test_user_who_is_no_customer_is_shown_as_not_linked(admin_client, user):
    page = page_of(admin_client, user)
    assert "not linked" in page
    assert "Register with plenigo" in page


def test_user_who_waits_to_be_registered_is_shown_so(admin_client, user):
    customers.request_registration(user)
    page = page_of(admin_client, user)
    assert "about to be registered" in page
    assert "waits to be sent" in page


def test_other_address_is_marked_in_words_and_says_since_when(shown, link):
    link.user.email = "new@example.com"
    link.user.save()
    page = shown()
    assert "new@example.com" in page
    assert link.confirmed_email in page
    assert "differs" in page
    assert "Out of step since" in page


def test_other_address_that_nobody_has_noted_says_how_to_mend_it(shown, link):
    type(link.user).objects.update(email="by-sql@example.com")
    assert "Nothing is on its way that would mend this" in shown()


def test_conflict_says_what_it_means_and_what_to_do_and_has_a_button(shown, link, refuse):
    change = refuse(link, TAKEN)
    page = shown()
    assert "⚠</span> conflict" in page
    assert "The new address belongs to another customer at plenigo" in page
    assert "Ask the reader which customer is the right one" in page
    assert f"/admin/plenigo/remotechange/try-again/?ids={change.pk}" in page


def test_conflict_leads_to_the_reader_who_has_the_address(shown, link, refuse):
    owner = LinkFactory(user=UserFactory(username="owner"), confirmed_email=link.user.email.upper())
    refuse(link, TAKEN)
    assert f'On this site it belongs to: <a href="/admin/plenigo/customerlink/{owner.pk}/change/">owner</a>' in shown()


def test_change_that_failed_says_how_often_and_when_it_is_tried_next(shown, link):
    change = outbox.note(link, RemoteChange.Kind.CHANGE_EMAIL)
    error = outbox.told(NoAnswerError("plenigo", "change_email", code="ConnectTimeout"))
    later = timezone.now() + timedelta(minutes=7)
    RemoteChange.objects.filter(pk=change.pk).update(attempts=3, due_at=later, **error)
    page = shown()
    assert "failed 3 times, next try on" in page
    assert "plenigo did not answer in time" in page


def test_paused_account_says_why_and_until_when(shown):
    outbox.pause("default", AuthenticationError("plenigo", "change_email", status=401), timedelta(minutes=5))
    page = shown()
    assert "nothing is sent to plenigo for the account default" in page
    assert "stage and live have different ones" in page


def test_access_ids_are_shown_with_label_who_when_and_where_from(shown, link, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "ACCESS_ID_LABELS": ["CRM", "Billing"]}}
    agent = UserFactory(username="importer")
    access_ids.import_access_ids(link, [None, "B-17"], imported_by=agent, imported_from="may.csv")
    page = shown()
    assert '<th scope="row">Billing</th><td><code class="plenigo-id">B-17</code>' in page
    assert "importer (may.csv)" in page


def test_access_ids_that_plenigo_is_not_told_say_so(shown, link, settings):
    access_ids.import_access_ids(link, ["CRM-1"])
    assert "plenigo is not told" not in shown()
    settings.PLENIGO = {"default": {"API": "v3", "MODE": "sandbox", "DELIVERY": ""}}
    page = shown()
    assert "CRM-1" in page
    assert "They are kept on this site alone: plenigo is not told." in page


def test_kept_answers_are_shown_with_their_age(shown, link, sandbox):
    sandbox.buy(link.customer_id, "DAYPASS")
    access.check_access(link.user, ["DAYPASS"])
    page = " ".join(shown().split())
    assert "<code>DAYPASS</code>: yes, checked just now" in page


def test_history_says_who_did_what(shown, link, admin_client, admin_user):
    admin_client.post("/admin/plenigo/customerlink/send-again/", {"ids": link.pk, "confirmed": "yes"})
    page = shown()
    assert "What was done" in page
    assert f"{admin_user}: Had everything sent to plenigo again." in page


@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_page_of_a_link_names_the_reader_and_the_customer(admin_client, link, page):
    name = f"{link.user} ({link.customer_id})"
    text = admin_client.get(f"/admin/plenigo/customerlink/{link.pk}/{page}/").content.decode()
    assert f"<h2>{name}</h2>" in text
    assert f"{link.account} {link.pk}" not in text


def test_page_of_a_change_names_the_reader_and_the_kind(admin_client, link):
    change = link.remote_changes.get(kind="register")
    text = admin_client.get(f"/admin/plenigo/remotechange/{change.pk}/change/").content.decode()
    assert text.count(f"{link.user}: register") >= 2  # under the title, and in the way there


def test_each_account_has_a_panel(admin_client, link, settings):
    settings.PLENIGO = {**settings.PLENIGO, "weekly": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    page = page_of(admin_client, link.user)
    assert page.count('<section class="plenigo-panel"') == 2
    assert "Account weekly:" in page
    assert "using=weekly" in page


def test_link_of_an_account_that_is_gone_is_shown_without_actions(admin_client, user, refuse):
    refuse(LinkFactory(user=user, account="gone", customer_id="OLD"), TAKEN)
    page = page_of(admin_client, user)
    assert "OLD" in page
    assert "not in the settings any more" in page
    assert "/admin/plenigo/customerlink/check/" not in page
    assert "try-again" not in page


def test_agent_who_may_not_see_links_sees_no_panel(agent_who_may, reader):
    agent = agent_who_may("change_user", looking=("view_user",))
    assert "plenigo-panel" not in page_of(agent, reader)


def test_agent_who_may_only_look_sees_no_button(agent_who_may, link, refuse):
    refuse(link, TAKEN)
    for row in (link, link.user):
        page = page_of(agent_who_may(), row)
        assert "⚠</span> conflict" in page
        assert [name for name in ("try-again", "send-again", "check", "import-access-ids") if f"/{name}/" in page] == []


def test_new_user_has_no_panel(admin_client):
    assert "plenigo-panel" not in text_of(admin_client.get("/admin/auth/user/add/"))


@pytest.mark.parametrize("row_of", [lambda link: link, lambda link: link.user], ids=["link", "user"])
def test_values_that_look_like_markup_are_shown_as_text(admin_client, row_of, settings):
    evil = "<script>alert(1)</script>"
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "ACCESS_ID_LABELS": [evil]}}
    user = UserFactory(username=evil, email="<b>@example.com", first_name=evil)
    link = LinkFactory(user=user, customer_id=evil, external_id=evil + "2", confirmed_email='"<i>"@example.com')
    access_ids.import_access_ids(link, [evil + "3"], imported_from=evil)
    RemoteChange.objects.filter(link=link).update(noted=1, last_error=evil, last_error_type=evil)
    page = page_of(admin_client, row_of(link))
    assert "alert(1)" in page
    assert evil not in page
    assert "<b>@" not in page


def test_page_of_a_user_needs_as_many_queries_for_many_rows_as_for_one(
    admin_client, link, django_assert_max_num_queries, django_assert_num_queries, refuse
):
    access_ids.import_access_ids(link, ["A"], imported_by=UserFactory())
    refuse(link, TAKEN)
    page_of(admin_client, link.user)
    with django_assert_max_num_queries(40) as with_one:
        page_of(admin_client, link.user)
    access_ids.import_access_ids(link, [None, "B", "C", "D"], imported_by=UserFactory())
    for kind in ("attach_external_id", "assign_access_ids", "change_profile"):
        refuse(link, TAKEN, kind)
    with django_assert_num_queries(len(with_one)):
        page_of(admin_client, link.user)


def save(client, user, *, follow=True, **changes):
    """Save a user's page with something changed."""
    values = {"username": user.username, "email": user.email, "is_active": "on"}
    values |= {"date_joined_0": "2026-01-01", "date_joined_1": "12:00", **changes}
    return client.post(f"/admin/auth/user/{user.pk}/change/", values, follow=follow)


def test_saving_another_address_says_that_plenigo_will_be_told(admin_client, link):
    saved = save(admin_client, link.user, email="moved@example.com")
    assert "In a moment plenigo will be told of the new address" in text_of(saved)
    assert link.remote_changes.get(kind="change_email").is_waiting


class ReplicaThatIsGone:
    """Changes are read from a database that there is not, unless the code says that it reads where it writes."""

    def db_for_read(self, model, **hints):
        return "replica" if model is RemoteChange else None


def test_whether_plenigo_will_be_told_is_read_from_no_replica(admin_client, link, settings):
    settings.DATABASE_ROUTERS = [ReplicaThatIsGone()]
    saved = save(admin_client, link.user, follow=False, email="moved@example.com")
    settings.DATABASE_ROUTERS = []
    assert saved.status_code == 302
    assert "plenigo will be told of the new address" in text_of(admin_client.get(saved["Location"]))


def test_saving_the_same_address_says_nothing_of_plenigo(admin_client, link):
    saved = save(admin_client, link.user, first_name="Grace")
    assert "plenigo will be told" not in text_of(saved)


# ---- what the mixin leaves to the site


class SitesOwnAdmin(CustomerPanelMixin, UserAdmin):
    """A user admin with a template, files, fieldsets and actions of the site's own."""

    change_form_template = "site/user_change_form.html"
    fieldsets = [(None, {"fields": ["username"]}), ("More", {"fields": ["email"]})]
    actions = ["greet"]

    class Media:
        css = {"all": ["site.css"]}

    def greet(self, request, queryset):
        """Do nothing."""


@pytest.fixture
def sites_own_admin():
    """The site's own user admin."""
    return SitesOwnAdmin(User, admin.site)


@pytest.fixture
def agents_request(admin_user):
    """A request of an agent who may do everything."""
    request = RequestFactory().get("/admin/")
    request.user = admin_user
    return request


def test_mixin_adds_to_what_the_site_has_and_replaces_nothing(sites_own_admin, agents_request, reader):
    titles = [title for title, _ in sites_own_admin.get_fieldsets(agents_request, reader)]
    assert titles == [None, "plenigo", "More"]
    assert {"greet", "register_with_plenigo"} <= set(sites_own_admin.get_actions(agents_request))
    assert [path in str(sites_own_admin.media) for path in ("site.css", "plenigo/admin.css")] == [True, True]
    assert sites_own_admin.check() == []


def test_site_that_wants_no_actions_gets_none(agents_request):
    class WithoutActions(SitesOwnAdmin):
        actions = None

    assert WithoutActions(User, admin.site).get_actions(agents_request) == {}


def test_panel_stands_in_a_template_of_the_sites_own(sites_own_admin, agents_request, reader):
    response = sites_own_admin.change_view(agents_request, str(reader.pk))
    page = response.rendered_content
    assert "The site's own page" in page
    assert "plenigo-panel" in page
