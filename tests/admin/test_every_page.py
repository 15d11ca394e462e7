"""What holds for every page of ours in the admin: found by walking over the addresses, so that a new page is in."""

import io
from typing import Any, NamedTuple

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core import serializers
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_plenigo import conf
from django_plenigo.errors import ConflictError
from django_plenigo.models import (
    AccessId,
    AccessImport,
    AccountConnection,
    CustomerLink,
    PortalAccount,
    PortalHandover,
    RemoteChange,
    WebhookDelivery,
)
from django_plenigo.services import access, access_ids, access_imports, customers, portals
from django_plenigo.services.checkout import mint_login
from tests.admin.conftest import text_of
from tests.admin.test_actions import each_action
from tests.factories import UserFactory
from tests.site.portals import TOKEN

pytestmark = pytest.mark.django_db

MODELS = (
    *(CustomerLink, RemoteChange, AccessImport, AccountConnection, PortalAccount, PortalHandover, WebhookDelivery),
    get_user_model(),
)

#: Our pages beside those that Django gives to every model: each has a permission of its own.
OWN = {
    "plenigo_customerlink_check",
    "plenigo_customerlink_import_access_ids",
    "plenigo_customerlink_send_again",
    "plenigo_customerlink_sso_settings",
    "plenigo_customerlink_accounts",
    "plenigo_accountconnection_allow",
    "plenigo_accountconnection_undo",
    "plenigo_remotechange_try_again",
    "plenigo_remotechange_ask_for_owner",
    "plenigo_remotechange_leave_as_it_is",
    "plenigo_accessimport_confirm",
    "plenigo_accessimport_cancel",
    "plenigo_accessimport_upload",
    "plenigo_accessimport_example",
    "plenigo_accessimport_failures",
    "plenigo_webhookdelivery_work_again",
    "auth_user_register_with_plenigo",
}

SECRET, PORTAL_SECRET = "a-secret-that-nobody-may-read", "another-that-nobody-may-read"

#: Of a vendor's delivery, which no page shows.
BODY, DIGEST = "a-body-that-nobody-may-read", "5f" * 32


class Page(NamedTuple):
    """One address of a model admin."""

    name: str
    address: str
    row: Any


class Rows(NamedTuple):
    """Two readers, of whom everything is known that may be."""

    link: CustomerLink
    other: CustomerLink
    access_import: AccessImport
    delivery: WebhookDelivery

    def of(self, model: Any) -> Any:
        """Return the row of a model that a page is opened for: nothing of the other reader's."""
        return {
            CustomerLink: self.link,
            RemoteChange: self.link.remote_changes.get(kind="change_email"),
            AccessImport: self.access_import,
            AccountConnection: self.link.connections.get(),
            PortalAccount: self.link.user.portal_accounts.get(),
            PortalHandover: PortalHandover.objects.get(user=self.link.user),
            WebhookDelivery: self.delivery,
        }.get(model, self.link.user)


def pages(rows: Rows) -> list[Page]:
    found = []
    for model in MODELS:
        row = rows.of(model)
        for pattern in admin.site.get_model_admin(model).get_urls():
            if pattern.name is not None:
                arguments = [row.pk] if pattern.pattern.converters else []
                found.append(Page(pattern.name, reverse(f"admin:{pattern.name}", args=arguments), row))
    assert {page.name for page in found} >= OWN, "the walk has missed pages"
    return found


def visit(client: Client, page: Page) -> str:
    response = client.get(page.address, {"ids": page.row.pk} if page.name in OWN else {}, follow=True)
    return (response.getvalue() if response.streaming else response.content).decode()


@pytest.fixture
def rows(sandbox: Any, refuse: Any, bind: Any, admin_user: Any) -> Rows:
    links = []
    for name in ("anna", "berta"):
        user = UserFactory(username=f"{name}-name", email=f"{name}-mail@example.com")
        customers.register(user)
        link = CustomerLink.objects.get(user=user)
        access_ids.import_access_ids(link, [f"{name}-key"], imported_by=admin_user)
        sandbox.buy(link.customer_id, f"{name}-product")
        access.check_access(user, [f"{name}-product"])
        refuse(link, ConflictError("plenigo", "change_email", status=409))
        AccountConnection.objects.create(user=user, link=link, state="done", started_at=timezone.now())
        bind(user, f"{name}-reference", bound_by=admin_user)
        portals.reference_for(user, "harbour")
        portals.open_portal(user, portals.Target("harbour"))
        links.append(link)
    file = io.BytesIO(f"customer_id,access_id_1\n{links[0].customer_id},new-key\nnobody,x\n".encode())
    delivery = WebhookDelivery.objects.create(
        source="plenigo",
        state="failed",
        reason="given_up",
        digest=DIGEST,
        body=BODY.encode(),
        received_at=timezone.now(),
    )
    return Rows(*links, access_imports.start(file, name="ids.csv", in_background=False), delivery)


def state() -> str:
    """All that a page may write."""
    models = (*MODELS, AccessId, LogEntry)
    return "".join(serializers.serialize("json", model._default_manager.order_by("pk")) for model in models)


def test_no_page_shows_a_secret_a_token_or_a_lease_and_none_logs_a_reader_in(admin_client, rows, settings, sandbox):
    login = mint_login(rows.link.user)
    sandbox.calls.clear()
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "SECRET": SECRET}}
    lease = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
    CustomerLink.objects.update(lease=lease)
    WebhookDelivery.objects.update(lease=lease)
    AccessImport.objects.update(lease=lease)
    settings.PLENIGO_PORTALS["harbour"]["KEY"] = PORTAL_SECRET
    hidden = [SECRET, PORTAL_SECRET, BODY, DIGEST, conf.secret_key(), login.value, lease, TOKEN]
    for page in pages(rows):
        text = visit(admin_client, page)
        assert [value for value in hidden if str(value) in text] == [], page.name
    assert sandbox.calls == []  # neither a log-in nor anything else was asked for


def test_page_about_one_reader_shows_nothing_of_another(admin_client, rows):
    for page in pages(rows):
        if page.name.endswith("_changelist"):
            continue  # of all readers
        text = visit(admin_client, page)
        of_another = ["berta", rows.other.customer_id]
        assert [value for value in of_another if value in text] == [], page.name


def test_what_is_asked_of_every_page_would_find_something(admin_client, rows):
    text = "".join(visit(admin_client, page) for page in pages(rows))
    assert [
        value
        for value in ("anna-mail", "anna-key", "anna-reference", rows.link.customer_id, "berta")
        if value not in text
    ] == []


def test_no_page_takes_what_another_site_has_sent(admin_user, rows):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    before = state()
    for page in pages(rows):
        values = {"ids": page.row.pk, "confirmed": "yes", "post": "yes", "product_ids": "DAYPASS", "_save": "Save"}
        values |= {f"{page.row.pk}-slot_1": "forged", "file": io.BytesIO(b"customer_id,access_id_1\nA,forged\n")}
        assert client.post(page.address, values).status_code == 403, page.name
    assert state() == before


def test_agent_who_may_only_look_opens_no_page_that_does_something(agent_who_may, rows):
    agent, before = agent_who_may("view_accessimport", "view_accountconnection", "view_webhookdelivery"), state()
    for page in pages(rows):
        if page.name in OWN:
            values = {"ids": page.row.pk, "confirmed": "yes", "product_ids": "DAYPASS"}
            values |= {f"{page.row.pk}-slot_1": "forged", "file": io.BytesIO(b"customer_id,access_id_1\nA,forged\n")}
            assert agent.get(page.address, {"ids": page.row.pk}).status_code == 403, page.name
            assert agent.post(page.address, values).status_code == 403, page.name
    assert state() == before


@each_action
def test_agent_who_may_only_look_cannot_send_the_form_of_a_list_for_an_action(agent_who_may, rows, action):
    agent, before = agent_who_may(), state()
    row = rows.link.user if action.listed.endswith("/user/") else action.row(rows.link)
    values = {"action": action.name, "_selected_action": [row.pk], "confirmed": "yes", "post": "yes"}
    page = agent.post(action.listed, values, follow=True)
    assert f'action="{action.address}"' not in text_of(page)  # the list again, and no page that asks
    assert state() == before
