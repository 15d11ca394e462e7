"""2Checkout in the sandbox's admin, its demo data, and what tests of a site ask and tell it."""

import json

import pytest
from django.core.management import call_command
from django.urls import reverse

from django_plenigo.sandbox.models import TwoCheckoutCustomer, TwoCheckoutMerchant, TwoCheckoutOrder
from django_plenigo.sandbox.twocheckout import merchants, orders

MODELS = [
    *("twocheckoutmerchant", "twocheckoutcustomer", "twocheckoutorder", "twocheckoutsubscription", "twocheckoutlink"),
    *("webhook", "webhookdelivery", "webhookattempt"),
]


def page(name, *args):
    return reverse(f"admin:plenigo_sandbox_{name}", args=args)


def chosen(action, *rows):
    return {"action": action, "_selected_action": [row.pk for row in rows]}


@pytest.fixture
def webhooks(sandbox):
    for kind in ("ipn", "lcn"):
        sandbox.add_webhook(kind, f"https://site.example/{kind}/")


class TestPages:
    @pytest.mark.parametrize("name", MODELS)
    def test_lists_open_and_search(self, staff, sandbox, webhooks, site, link, name):
        link()
        sandbox.twocheckout_order()
        sandbox.send_webhooks(site)
        for query in ("", "?q=x"):
            assert staff.get(page(f"{name}_changelist") + query).status_code == 200

    def test_key_is_masked_in_the_list(self, staff, merchant):
        text = staff.get(page("twocheckoutmerchant_changelist")).content.decode()
        assert ("sand…" in text, "sandbox-2co-secret" in text) == (True, False)


class TestCustomer:
    def form(self, merchant, **values):
        data = {"merchant": merchant.pk, "reference": "55", "email": "ada@example.com", "language": "en"}
        return {**data, **values}

    def test_customer_is_added_with_an_order(self, staff, sandbox, merchant, webhooks, site):
        product = sandbox.company.products.get(product_id="P_MONTHLY")
        data = self.form(merchant, external_reference="ref-1", ordered_product=product.pk)
        staff.post(page("twocheckoutcustomer_add"), data)
        row = TwoCheckoutCustomer.objects.get(reference="55")
        assert (row.external_reference, row.orders.count(), row.subscriptions.count()) == ("ref-1", 1, 1)
        sandbox.send_webhooks(site)
        assert [told["EXTERNAL_CUSTOMER_REFERENCE"] for told in site.told()] == ["ref-1", "ref-1"]

    def test_two_customers_may_have_no_external_reference(self, staff, merchant):
        staff.post(page("twocheckoutcustomer_add"), self.form(merchant))
        staff.post(page("twocheckoutcustomer_add"), self.form(merchant, reference="56", email="b@example.com"))
        assert TwoCheckoutCustomer.objects.filter(external_reference=None).count() == 2

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("email", {"email": "JANE.doe@example.com"}),
            ("reference", {"reference": "0"}),
            ("reference", {"reference": "12345678901"}),
            ("external_reference", {"external_reference": "a\\b"}),
        ],
    )
    def test_what_cannot_be_is_refused_at_its_field(self, staff, merchant, field, values):
        answer = staff.post(page("twocheckoutcustomer_add"), self.form(merchant, **values))
        assert list(answer.context["adminform"].form.errors) == [field]

    def test_product_of_another_company_is_refused(self, staff, merchant, other_company):
        product = other_company.products.create(product_id="P_X", title="x", price=1)
        answer = staff.post(page("twocheckoutcustomer_add"), self.form(merchant, ordered_product=product.pk))
        assert list(answer.context["adminform"].form.errors) == ["ordered_product"]


class TestSubscriptionsAndOrders:
    @pytest.mark.parametrize(
        ("actions", "told"),
        [
            (["cancel"], [("0", "0")]),
            (["cancel", "resume"], [("0", "0"), ("1", "0")]),
            (["disable", "disable", "enable"], [("1", "1"), ("1", "0")]),
        ],
    )
    def test_what_staff_changes_is_told_by_the_vendor(
        self, staff, sandbox, webhooks, site, subscription, actions, told
    ):
        for action in actions:
            staff.post(page("twocheckoutsubscription_changelist"), chosen(action, subscription))
        sandbox.send_webhooks(site)
        assert [(row["RECURRING"], row["DISABLED"]) for row in site.told()] == told
        assert {row["CHANGED_BY"] for row in site.told()} == {"VENDOR"}

    def test_disabled_subscription_cannot_be_changed_by_the_customer(self, signed_in, subscription):
        orders.change_subscription(subscription, "VENDOR", is_disabled=True)
        signed_in.open("/myaccount/my_subscription/")
        assert ("Disabled" in signed_in.text, 'value="cancel"' in signed_in.text) == (True, False)

    def test_order_is_told_of_again_and_when_it_is_refunded(self, staff, sandbox, webhooks, site, customer):
        order = customer.orders.get()
        staff.post(page("twocheckoutorder_changelist"), chosen("tell_again", order))
        staff.post(page("twocheckoutorder_change", order.pk), {"status": "REFUND"})
        sandbox.send_webhooks(site)
        assert [told["ORDERSTATUS"] for told in site.told()] == ["COMPLETE", "REFUND"]


class TestDemoData:
    def test_demo_merchant_makes_himself_at_the_first_log_in(self, rpc):
        assert not TwoCheckoutMerchant.objects.exists()
        rpc.log_in()
        row = TwoCheckoutCustomer.objects.get()
        assert (row.reference, row.external_reference) == ("352365983", "ext-352365983")
        assert row.subscriptions.get().reference == "123D40F123"

    def test_what_somebody_has_changed_or_deleted_stays_so(self, merchant, customer):
        customer.delete()
        TwoCheckoutMerchant.objects.update(has_custom_domain=False)
        assert merchants.seed_demo().has_custom_domain is False
        assert not TwoCheckoutCustomer.objects.exists()

    def test_command_prints_the_credentials(self, capsys):
        call_command("plenigo_sandbox", credentials=True)
        told = json.loads(capsys.readouterr().out)
        assert (told["twocheckout_merchant"], told["twocheckout_key"]) == ("SANDBOX001", "sandbox-2co-secret")


class TestVerbs:
    def test_customer_is_asked_for_by_reference(self, sandbox):
        assert sandbox.twocheckout_customer().reference == "352365983"
        sandbox.twocheckout_order("user-42")
        assert sandbox.twocheckout_customer("user-42").orders.count() == 1
        with pytest.raises(LookupError, match="no customer"):
            sandbox.twocheckout_customer("user-43")

    def test_order_of_an_unknown_product_is_an_error(self, sandbox):
        with pytest.raises(LookupError, match="no product"):
            sandbox.twocheckout_order(product_id="P_NOTHING")
        assert not TwoCheckoutOrder.objects.filter(customer__email="reader@example.com").exists()
