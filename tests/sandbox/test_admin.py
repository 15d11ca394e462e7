"""The merchant backend: every page of it works, and does what it says."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from django_plenigo.sandbox import clock, customer_sessions, customers
from django_plenigo.sandbox.credentials import SECRET
from django_plenigo.sandbox.models import (
    AccessIdentifier,
    AccessRight,
    Address,
    Callback,
    CallbackAttempt,
    CallbackDelivery,
    Category,
    Clock,
    Company,
    Customer,
    Fault,
    Purchase,
    SentMessage,
    SsoSettings,
    Voucher,
)
from django_plenigo.sandbox.posting import Reply
from django_plenigo.sandbox.seed import DAY_PASS, MONTHLY
from django_plenigo.sandbox.twocheckout import sign_on

NAMES = sorted(model._meta.model_name for model in admin.site._registry if model._meta.app_label == "plenigo_sandbox")

#: The sandbox itself writes them.
NOT_ADDED = {
    *("callbackattempt", "callbackdelivery", "clock", "customersession", "sentmessage"),
    *("twocheckoutlink", "twocheckoutorder", "webhookattempt", "webhookdelivery"),
}


def address(model, page, *args):
    name = model if isinstance(model, str) else model._meta.model_name
    return reverse(f"admin:plenigo_sandbox_{name}_{page}", args=args)


@pytest.fixture
def staff(client, db):
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "x"))
    return client


@pytest.fixture
def rows(sandbox, ada):
    """One row of everything."""
    sandbox.buy(ada, DAY_PASS)
    sandbox.fail_next()
    AccessIdentifier.objects.create(company=ada.company, customer=ada, slot=1, value="K")
    Clock.objects.create()
    Address.objects.create(customer=ada, city="Berlin")
    callback = Callback.objects.create(company=ada.company, url="http://site.example/", events=["CUSTOMER.CHANGE"])
    customers.set_password(ada, "x")
    delivery = CallbackDelivery.objects.get(callback=callback)
    CallbackAttempt.objects.create(delivery=delivery, sent_at=timezone.now(), status=500, is_success=False)
    customer_sessions.create(ada, {})
    now = timezone.now()
    AccessRight.objects.create(customer=ada, access_right_id="news", created_at=now, changed_at=now)
    SentMessage.objects.create(company=ada.company, channel="EMAIL", recipient="a@example.com", code="1", sent_at=now)
    sandbox.create_voucher("SPRING", DAY_PASS)
    sandbox.fill_basket("B-1", DAY_PASS)
    sandbox.add_webhook("lcn", "http://site.example/")
    sandbox.twocheckout_order()
    sandbox.okepay_contact()
    sandbox.send_webhooks(lambda url, body, headers: Reply(500))
    sign_on.mint_link(sandbox.twocheckout_customer(), "account", seconds=10)


def test_all_that_a_merchant_needs_is_there():
    assert NAMES == [
        "accessidentifier",
        "accessright",
        "address",
        "basket",
        "callback",
        "callbackattempt",
        "callbackdelivery",
        "category",
        "clock",
        "company",
        "customer",
        "customersession",
        "fault",
        "okepaycontact",
        "okepayinstance",
        "okepaysubscription",
        "okepaytransaction",
        "product",
        "purchase",
        "sentmessage",
        "ssosettings",
        "twocheckoutcustomer",
        "twocheckoutlink",
        "twocheckoutmerchant",
        "twocheckoutorder",
        "twocheckoutsubscription",
        "voucher",
        "webhook",
        "webhookattempt",
        "webhookdelivery",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_list_is_shown_searched_and_filtered(staff, rows, name):
    assert staff.get(address(name, "changelist"), follow=True).status_code == 200
    if name != "clock":
        assert staff.get(address(name, "changelist"), {"q": "a"}).status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_add_page_is_shown(staff, rows, name):
    assert staff.get(address(name, "add")).status_code == (403 if name in NOT_ADDED else 200)


@pytest.mark.parametrize("name", NAMES)
def test_change_page_is_shown(staff, rows, name):
    model = apps.get_model("plenigo_sandbox", name)
    assert staff.get(address(name, "change", model.objects.first().pk)).status_code == 200


BANNER = "Sandbox: nothing is charged."


def has_banner(response):
    return (response.status_code, response.content.decode().count(BANNER)) == (200, 1)


@pytest.mark.parametrize("name", NAMES)
def test_every_page_of_a_model_has_the_banner(staff, rows, name):
    model = apps.get_model("plenigo_sandbox", name)
    row = model.objects.first().pk
    pages = [address(name, "changelist"), *(address(name, page, row) for page in ("change", "history"))]
    pages += [address(name, "add"), address(name, "delete", row)] if name not in NOT_ADDED else []
    assert [page for page in pages if not has_banner(staff.get(page, follow=True))] == []


def test_overview_and_the_question_before_a_deletion_have_the_banner(staff, rows):
    assert has_banner(staff.get(reverse("admin:app_list", args=["plenigo_sandbox"])))
    chosen = {"action": "delete_selected", "_selected_action": [Fault.objects.get().pk]}
    assert has_banner(staff.post(address(Fault, "changelist"), chosen))


def test_banner_stands_beside_the_messages_of_the_admin(staff, rows):
    chosen = {"action": "block", "_selected_action": [Purchase.objects.get().pk]}
    content = staff.post(address(Purchase, "changelist"), chosen, follow=True).content.decode()
    assert (BANNER in content, "1 purchase is blocked." in content) == (True, True)


def test_admin_of_other_apps_has_no_banner(staff):
    pages = [reverse("admin:index"), reverse("admin:auth_user_changelist")]
    assert [page for page in pages if BANNER in staff.get(page).content.decode()] == []


def test_list_masks_the_secret(staff, sandbox):
    assert sandbox.company
    content = staff.get(address(Company, "changelist")).content.decode()
    assert (SECRET[:4] in content, SECRET[:6] in content) == (True, False)


@pytest.mark.parametrize("model", [Company, Category])
def test_staff_without_permission_is_refused(client, rows, model):
    client.force_login(get_user_model().objects.create_user("temp", is_staff=True))
    assert client.get(address(model, "changelist")).status_code == 403
    assert client.get(address(Clock, "changelist")).status_code == 403


#: What the form of a customer has chosen beforehand.
USUAL = {"language": "en", "status": "ACTIVATED"}


def test_customer_is_added_with_a_password(staff, api, sandbox):
    data = {"company": sandbox.company.pk, "customer_id": "ABCDEFGHIJKL", "email": "eve@example.com", **USUAL}
    staff.post(address(Customer, "add"), {**data, "new_password": "correct horse"})
    customer = sandbox.customer("ABCDEFGHIJKL")
    assert (customer.external_id, "correct horse" in customer.password) == (None, False)
    body = {"email": "eve@example.com", "password": "correct horse"}
    assert api("POST", "user/verifyLogin", json=body).status_code == 200


def test_customer_keeps_his_password_unless_a_new_one_is_typed(staff, ada):
    Customer.objects.filter(pk=ada.pk).update(password="kept")
    data = {"company": ada.company.pk, "customer_id": ada.customer_id, "email": "new@example.com", **USUAL}
    staff.post(address(Customer, "change", ada.pk), data)
    ada.refresh_from_db()
    assert (ada.email, ada.password) == ("new@example.com", "kept")


def test_email_address_of_another_customer_is_refused(staff, ada):
    data = {"company": ada.company.pk, "customer_id": "ABCDEFGHIJKL", "email": "ADA@EXAMPLE.COM", **USUAL}
    answer = staff.post(address(Customer, "add"), data)
    assert "Another customer has this e-mail address." in answer.content.decode()


def test_customer_is_unlocked(staff, ada):
    Customer.objects.filter(pk=ada.pk).update(locked_until=timezone.now(), status="DISABLED")
    staff.post(address(Customer, "changelist"), {"action": "unlock", "_selected_action": [ada.pk]})
    ada.refresh_from_db()
    assert (ada.locked_until, ada.status) == (None, "ACTIVATED")


def test_customer_whose_data_must_not_be_processed_cannot_log_in_by_being_unlocked(staff, ada):
    Customer.objects.filter(pk=ada.pk).update(status="DISABLED", processing_blocked=True)
    data = {"action": "unlock", "_selected_action": [ada.pk]}
    page = staff.post(address(Customer, "changelist"), data, follow=True).content.decode()
    assert "0 customers can log in again." in page


@pytest.mark.parametrize("status", ["BLOCKED", "DEACTIVATED", "DISABLED"])
def test_status_of_a_customer_is_set(staff, sandbox, ada, status):
    session = customer_sessions.text_of(customer_sessions.begin(ada, {}))
    data = {"company": ada.company.pk, "customer_id": ada.customer_id, "email": ada.email}
    staff.post(address(Customer, "change", ada.pk), {**data, **USUAL, "status": status})
    assert sandbox.customer(ada.number).status == status
    with pytest.raises(customer_sessions.InvalidError):
        customer_sessions.validate(ada.company, session)


def test_access_id_is_added_once(staff, ada, bob):
    for customer in (ada, bob):
        answer = staff.post(address(AccessIdentifier, "add"), {"customer": customer.pk, "slot": 2, "value": "K"})
    assert "This access id belongs to somebody already." in answer.content.decode()
    assert AccessIdentifier.objects.get().customer == ada


def test_purchases_are_blocked_and_unblocked(staff, sandbox, ada):
    purchase = sandbox.buy(ada, DAY_PASS)
    for action, blocked in (("block", True), ("unblock", False)):
        staff.post(address(Purchase, "changelist"), {"action": action, "_selected_action": [purchase.pk]})
        purchase.refresh_from_db()
        assert purchase.is_blocked is blocked


def test_subscriptions_are_cancelled_and_single_purchases_left_alone(staff, sandbox, ada):
    rows = [sandbox.buy(ada, MONTHLY), sandbox.buy(ada, DAY_PASS)]
    staff.post(address(Purchase, "changelist"), {"action": "cancel", "_selected_action": [row.pk for row in rows]})
    for row in rows:
        row.refresh_from_db()
    assert [row.cancelled_at is not None for row in rows] == [True, False]


def test_fault_is_dialled(staff, api):
    data = {"endpoint": "paywallState", "kind": "status", "remaining": "1", "status": "418", "delay_seconds": "0"}
    staff.post(address(Fault, "add"), data)
    assert [api("GET", path).status_code for path in ("product/P_BOOK", "paywall/state")] == [200, 418]


def test_fault_of_every_endpoint_can_be_dialled(staff):
    choices = staff.get(address(Fault, "add")).context["adminform"].form.fields["endpoint"].choices
    assert "twocheckout.getCustomerInformationBySSOToken" in dict(choices)
    assert max(len(name) for name, _label in choices) <= Fault._meta.get_field("endpoint").max_length


def test_form_of_a_fault_has_a_kind_chosen_and_labels_like_others(staff):
    page = staff.get(address(Fault, "add")).content.decode()
    assert '<option value="status" selected>' in page
    assert re.findall(r'<label[^>]*for="id_endpoint"[^>]*>([^<]*)', page) == ["Endpoint:"]


def test_fault_of_an_unknown_endpoint_is_refused(staff):
    data = {"endpoint": "unknown", "kind": "cut", "remaining": "1", "status": "503", "delay_seconds": "0"}
    assert staff.post(address(Fault, "add"), data).status_code == 200
    assert not Fault.objects.exists()


def test_clock_is_moved_forward_by_an_amount(staff, standing_time):
    staff.get(address(Clock, "changelist"))
    for _ in range(2):
        staff.post(address(Clock, "change", 1), {"days": 1, "hours": 2, "minutes": 3})
    assert clock.now() - timezone.now() == 2 * timedelta(days=1, hours=2, minutes=3)


@pytest.mark.parametrize(
    ("moved", "shown"),
    [
        ({}, "nothing"),
        ({"days": 1, "hours": 1, "minutes": 2}, "1 day, 1 hour, 2 minutes"),
        ({"days": -2, "hours": -3}, "− 2 days, 3 hours"),
        ({"hours": 24}, "1 day"),
    ],
    ids=str,
)
def test_clock_says_in_words_how_far_it_is_ahead(staff, moved, shown):
    staff.get(address(Clock, "changelist"))
    staff.post(address(Clock, "change", 1), {"days": 0, "hours": 0, "minutes": 0, **moved})
    page = staff.get(address(Clock, "change", 1)).content.decode()
    assert f">{shown}<" in page
    assert "Days, hours and minutes add up." in page


def test_clock_cannot_be_deleted(staff):
    staff.get(address(Clock, "changelist"))
    assert staff.post(address(Clock, "delete", 1), {"post": "yes"}).status_code == 403
    assert Clock.objects.exists()


def test_clock_has_a_limit(staff, db):
    staff.get(address(Clock, "changelist"))
    for _ in range(2):
        answer = staff.post(address(Clock, "change", 1), {"days": 36500, "hours": 0, "minutes": 0})
    assert "a hundred years" in answer.content.decode()


def sso_form(company, **values):
    return {"company": company.pk, "token_type": "EMAIL", "sso_name": "NONE", "emergency_mode": "NONE", **values}


def test_empty_number_of_log_ins_is_one(staff, sandbox):
    row = sandbox.company.sso_settings
    staff.post(address(SsoSettings, "change", row.pk), sso_form(sandbox.company, max_sessions=""))
    row.refresh_from_db()
    assert (row.max_sessions, row.request_customer_id) == (1, False)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"token_type": "SMS"}, "SMS provider"),
        ({"allow_registration_identifier": "on", "request_postcode": "on"}, "needs the customer ID"),
        ({"max_sessions": "101"}, "100"),
    ],
    ids=str,
)
def test_settings_that_the_vendor_refuses_are_refused(staff, sandbox, values, told):
    row = sandbox.company.sso_settings
    page = staff.post(address(SsoSettings, "change", row.pk), sso_form(sandbox.company, **values))
    assert (page.status_code, told in page.content.decode()) == (200, True)


def test_sms_is_allowed_with_a_provider(staff, sandbox):
    row = sandbox.company.sso_settings
    Company.objects.update(has_sms_provider=True)
    staff.post(address(SsoSettings, "change", row.pk), sso_form(sandbox.company, token_type="SMS"))
    row.refresh_from_db()
    assert row.token_type == "SMS"


def test_customer_without_an_address_is_added_with_a_subscription(staff, sandbox):
    product = sandbox.company.products.get(product_id=MONTHLY)
    data = {"company": sandbox.company.pk, "customer_id": "ABCDEFGHIJKL", "has_pseudo_email": "on", **USUAL}
    staff.post(address(Customer, "add"), {**data, "imported_product": product.pk})
    customer = sandbox.customer("ABCDEFGHIJKL")
    assert customer.email == f"imported-{customer.number}@pseudo-mail.plenigo.invalid"
    assert customer.purchases.get().product_id == MONTHLY


def test_customer_with_neither_address_nor_placeholder_is_refused(staff, sandbox):
    data = {"company": sandbox.company.pk, "customer_id": "ABCDEFGHIJKL", **USUAL}
    assert "choose the placeholder" in staff.post(address(Customer, "add"), data).content.decode()


def test_number_of_a_customer_stays_when_he_is_changed(staff, ada):
    data = {"company": ada.company.pk, "customer_id": ada.customer_id, "email": "new@example.com", **USUAL}
    staff.post(address(Customer, "change", ada.pk), data)
    assert Customer.objects.get(pk=ada.pk).number == ada.number


def test_applications_of_a_token_are_ticked(staff, sandbox):
    page = staff.get(address("company", "change", sandbox.company.pk))
    form = page.context["adminform"].form
    shown = {name: form[name].value() for name in form.fields}
    data = {name: value for name, value in shown.items() if value not in (None, False)}
    staff.post(address("company", "change", sandbox.company.pk), data | {"api_token_applications": ["CUSTOMERS"]})
    assert type(sandbox.company).objects.get().api_token_applications == ["CUSTOMERS"]


def test_voucher_sells_what_its_own_company_sells(staff, sandbox):
    other = Company.objects.create(name="The Other Gazette")
    product = sandbox.company.products.get(product_id=DAY_PASS)
    values = {"code": "SPRING", "product": product.pk, "company": other.pk}
    assert "Another company sells this." in staff.post(address(Voucher, "add"), values).content.decode()
    staff.post(address(Voucher, "add"), {**values, "company": sandbox.company.pk})
    assert Voucher.objects.get().product == product
