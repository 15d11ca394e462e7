"""OkePay in the sandbox's admin."""

import json

import pytest
from django.urls import reverse

from django_plenigo.sandbox.models import OkePaySubscription, OkePayTransaction, Webhook

MODELS = ["okepayinstance", "okepaycontact", "okepaysubscription", "okepaytransaction"]


def address(model, page, *args):
    return reverse(f"admin:plenigo_sandbox_{model}_{page}", args=args)


def form_of(response):
    """What the shown form would send."""
    form = response.context["adminform"].form
    sent = {}
    for bound in form:
        value = bound.value()
        values = bound.field.widget.decompress(value) if hasattr(bound.field.widget, "decompress") else [value]
        names = [f"{bound.name}_{n}" for n in range(len(values))] if len(values) > 1 else [bound.name]
        sent |= {name: "" if text is None else text for name, text in zip(names, values, strict=True)}
    return sent


def told(site):
    return [json.loads(body).popitem() for _url, body, _headers in site.calls]


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_searches(staff, contact, model):
    for query in ("", "?q=4711", "?q=jane"):
        assert staff.get(address(model, "changelist") + query).status_code == 200
    assert staff.get(address(model, "add")).status_code == 200


def test_list_of_instances_shows_no_whole_secret(staff, sandbox):
    sandbox.okepay  # noqa: B018 - it comes into being by being looked at
    page = staff.get(address("okepayinstance", "changelist")).content.decode()
    assert ("sand…" in page, "sandbox-secret-42" in page) == (True, False)


def test_limit_is_switched_on(staff, sandbox, okepay):
    page = address("okepayinstance", "change", sandbox.okepay.pk)
    staff.post(page, {**form_of(staff.get(page)), "calls_allowed": "0"})
    assert okepay("GET", "SignatureCheck/").status_code == 405


@pytest.mark.parametrize(
    ("action", "statuses"),
    [
        ("let_payment_succeed", ["confirmed", "active"]),
        ("let_payment_fail", ["declined", "failed"]),
        ("give_notice", ["in_notice"]),
        ("cancel", ["cancelled"]),
    ],
)
def test_action_changes_subscriptions_and_tells(staff, sandbox, contact, site, action, statuses):
    sandbox.add_webhook("okepay", "https://site.example/")
    row = contact.subscriptions.get()
    staff.post(address("okepaysubscription", "changelist"), {"action": action, "_selected_action": [row.pk]})
    sandbox.send_webhooks(site)
    assert [item["status"] for _name, item in told(site)] == statuses
    row.refresh_from_db()
    assert row.status == statuses[-1]


@pytest.mark.parametrize("status", OkePaySubscription.Status.values)
def test_any_status_of_a_subscription_can_be_set_and_is_told(staff, sandbox, contact, site, status):
    row = contact.subscriptions.get()
    page = address("okepaysubscription", "change", row.pk)
    sandbox.add_webhook("okepay", "https://site.example/")
    staff.post(page, {**form_of(staff.get(page)), "status": status})
    sandbox.send_webhooks(site)
    row.refresh_from_db()
    assert row.status == status
    assert [item["status"] for _name, item in told(site)] == ([] if status == "active" else [status])


@pytest.mark.parametrize("status", OkePayTransaction.Status.values)
def test_any_status_of_a_payment_can_be_set_and_is_told(staff, sandbox, contact, site, status):
    row = contact.transactions.get()
    page = address("okepaytransaction", "change", row.pk)
    sandbox.add_webhook("okepay", "https://site.example/")
    staff.post(page, {**form_of(staff.get(page)), "status": status})
    sandbox.send_webhooks(site)
    row.refresh_from_db()
    assert row.status == status
    assert [item["status"] for _name, item in told(site)] == ([] if status == "confirmed" else [status])


def test_waiting_payment_is_entered_by_hand(staff, sandbox, contact, site):
    sandbox.add_webhook("okepay", "https://site.example/")
    page = address("okepaytransaction", "add")
    values = {**form_of(staff.get(page)), "contact": contact.pk, "status": "waiting", "amount": "500"}
    staff.post(page, values)
    sandbox.send_webhooks(site)
    ((name, item),) = told(site)
    assert (name, item["status"], item["amount"], item["subscription"]) == ("transaction", "waiting", 500, None)


def test_webhook_is_set_up_with_form_and_key(staff, sandbox):
    values = {"company": sandbox.company.pk, "kind": "okepay", "url": "http://site/hook", "is_enabled": "on"}
    staff.post(address("webhook", "add"), {**values, "content_type": "form", "signing_key": "key"})
    row = Webhook.objects.get()
    assert (row.kind, row.content_type, row.signing_key) == ("okepay", "form", "key")


def test_fault_dial_offers_the_objects(staff, sandbox):
    page = staff.get(address("fault", "add")).content.decode()
    names = ("AuthToken", "SignatureCheck", "Subscription", "Transaction")
    assert all(f'value="okepay.{name}"' in page for name in names)
