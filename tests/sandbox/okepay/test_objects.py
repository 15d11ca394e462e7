"""The objects of the API. Source: docs/protocols/okepay.md 4."""

from datetime import timedelta

import pytest

from django_plenigo.sandbox import clock
from django_plenigo.sandbox.models import OkePayContact, OkePayLoginLink, OkePaySubscription, OkePayTransaction

NEW = {
    "userId": "4711",
    "psp": "4",
    "amount": "990",
    "currency": "EUR",
    "purpose": "Zeitung",
    "paymentInterval": "P1M",
    "period": "P1Y",
    "cancellationInterval": "P1M",
    "referenceId": "order-43",
}


def only(reply):
    """The one object of a success."""
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    assert set(reply.json()) == {"status", "data"}
    (item,) = reply.json()["data"]
    return item


class TestAuthToken:
    def test_demo_contact_gets_a_link_without_any_preparation(self, okepay):
        token = only(okepay("POST", "AuthToken/", ("userId", "1")))
        assert set(token) == {"userId", "authToken", "authTokenExpirationDate", "link"}
        assert token["userId"] == 1
        assert token["link"] == f"https://vendor.invalid/okepay/demo-instance/login/?token={token['authToken']}"
        assert len(token["authToken"]) == 43

    def test_expiration_is_ten_minutes_ahead_in_utc(self, okepay, contact, time_machine):
        time_machine.move_to("2025-01-02T03:04:05Z", tick=False)
        token = only(okepay("POST", "AuthToken/", ("userId", "4711")))
        assert token["authTokenExpirationDate"] == "2025-01-02 03:14:05"

    def test_link_leads_to_where_the_call_went(self, client, contact, okepay):
        reply = client.post(
            "/plenigo-sandbox/v1.0/AuthToken/?instance=demo-instance",
            "userId=4711",
            content_type="application/x-www-form-urlencoded",
            headers={"X-API-KEY": "sandbox-secret-42", "Host": "localhost:8000"},
        )
        (token,) = reply.json()["data"]
        assert token["link"].startswith("http://localhost:8000/plenigo-sandbox/okepay/demo-instance/login/?token=")

    def test_second_call_leaves_the_first_link_as_it_is(self, okepay, contact, visitor):
        first, second = (only(okepay("POST", "AuthToken/", ("userId", "4711")))["authToken"] for _ in range(2))
        pages = [
            visitor.get(f"/plenigo-sandbox/okepay/demo-instance/login/?token={token}") for token in (first, second)
        ]
        assert [page.status for page in pages] == [200, 200]

    def test_token_is_kept_as_a_digest_only(self, okepay, contact):
        token = only(okepay("POST", "AuthToken/", ("userId", "4711")))["authToken"]
        assert token not in str(list(OkePayLoginLink.objects.values()))

    def test_contact_without_a_subscription_has_no_account(self, okepay, sandbox):
        contact = sandbox.okepay_contact("once@example.com", interval="")
        assert okepay("POST", "AuthToken/", ("userId", str(contact.number))).status_code == 404

    def test_who_has_cancelled_still_has_an_account(self, okepay, contact):
        contact.subscriptions.update(status="cancelled")
        assert okepay("POST", "AuthToken/", ("userId", "4711")).status_code == 200


class TestSubscription:
    def test_subscription_is_read(self, okepay, contact):
        row = contact.subscriptions.get()
        item = only(okepay("GET", f"Subscription/{row.number}/"))
        assert (item["id"], item["status"], item["paymentInterval"]) == (row.number, "active", "P1M")
        assert item["invoice"] == {"referenceId": "order-42", "amount": 1250, "currency": "CHF"}
        assert (item["contact"]["id"], item["contact"]["email"]) == (4711, "jane@example.com")
        assert (item["start"], item["end"]) == (clock.now().date().isoformat(), None)

    def test_subscription_of_nobody_or_of_another_instance_is_not_found(self, okepay, contact, other_instance):
        other = OkePaySubscription.objects.create(
            contact=other_instance.contacts.get(), start=clock.now().date(), amount=1
        )
        for method in ("GET", "PUT", "DELETE"):
            assert okepay(method, f"Subscription/{other.number}/").status_code == 404
            assert okepay(method, "Subscription/1/").status_code == 404
            assert okepay(method, "Subscription/").status_code == 400
        other.refresh_from_db()
        assert other.status == "active"

    def test_new_subscription_is_paid_at_once(self, okepay, contact):
        item = only(okepay("POST", "Subscription/", *NEW.items()))
        row = OkePaySubscription.objects.get(number=item["id"])
        assert (row.contact, row.amount, row.currency, row.purpose) == (contact, 990, "EUR", "Zeitung")
        assert (row.period, row.cancellation_interval, row.psp, row.reference_id) == ("P1Y", "P1M", 4, "order-43")
        payment = row.transactions.get()
        assert (payment.status, payment.amount, payment.reference_id) == ("confirmed", 990, "order-43")

    def test_two_equal_creations_make_two(self, okepay, contact):
        numbers = {only(okepay("POST", "Subscription/", *NEW.items()))["id"] for _ in range(2)}
        assert len(numbers) == 2

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("userId", "0"),
            ("amount", "0"),
            ("amount", "9.90"),
            ("amount", "-1"),
            ("amount", ""),
            ("currency", "eur"),
            ("currency", ""),
            ("paymentInterval", "1M"),
            ("paymentInterval", ""),
            ("paymentInterval", "P"),
            ("paymentInterval", "P0M"),
            ("paymentInterval", "P1M\n"),
            ("period", "PT1H"),
            ("cancellationInterval", "monthly"),
            ("psp", "x"),
            ("purpose", "x" * 256),
            ("referenceId", "x" * 256),
        ],
    )
    def test_new_subscription_with_a_bad_parameter_is_refused(self, okepay, contact, name, value):
        reply = okepay("POST", "Subscription/", *{**NEW, name: value}.items())
        assert (reply.status_code, reply.json()["message"]) == (400, f"Invalid value passed for parameter '{name}'")
        assert OkePaySubscription.objects.filter(contact=contact).count() == 1

    def test_subscription_of_an_unknown_contact_is_not_found(self, okepay, contact):
        assert okepay("POST", "Subscription/", *{**NEW, "userId": "9"}.items()).status_code == 404

    def test_new_subscription_cannot_choose_its_id(self, okepay, contact):
        assert okepay("POST", "Subscription/17/", *NEW.items()).status_code == 400

    def test_put_changes_what_it_names_and_leaves_what_the_php_client_sends_empty(self, okepay, contact):
        row = contact.subscriptions.get()
        parameters = {"userId": "0", "psp": "0", "purpose": "", "amount": "1500", "currency": "", "referenceId": ""}
        only(okepay.as_okepay_php("PUT", "Subscription", *parameters.items(), number=row.number))
        row.refresh_from_db()
        assert (row.amount, row.currency, row.purpose, row.reference_id) == (1500, "CHF", "Subscription", "order-42")
        only(okepay("PUT", f"Subscription/{row.number}/", ("currency", "EUR"), ("purpose", "Neu")))
        row.refresh_from_db()
        assert (row.amount, row.currency, row.purpose) == (1500, "EUR", "Neu")

    @pytest.mark.parametrize(("name", "value"), [("amount", "-5"), ("amount", "x"), ("currency", "Euro")])
    def test_put_with_a_bad_parameter_changes_nothing(self, okepay, contact, name, value):
        row = contact.subscriptions.get()
        reply = okepay("PUT", f"Subscription/{row.number}/", ("purpose", "Neu"), (name, value))
        assert reply.status_code == 400
        row.refresh_from_db()
        assert row.purpose == "Subscription"

    def test_delete_cancels_at_once_and_may_be_repeated(self, okepay, contact):
        row = contact.subscriptions.get()
        for _ in range(2):
            item = only(okepay("DELETE", f"Subscription/{row.number}/"))
            assert (item["status"], item["end"]) == ("cancelled", clock.now().date().isoformat())


class TestTransaction:
    def test_transaction_is_read_back(self, okepay, contact):
        row = contact.transactions.get()
        item = only(okepay("GET", f"Transaction/{row.number}/"))
        assert (item["id"], item["status"], item["referenceId"]) == (row.number, "confirmed", "order-42")
        assert item["subscription"]["id"] == contact.subscriptions.get().number
        assert (item["contact"]["id"], item["invoice"]["referenceId"]) == (4711, "order-42")
        assert item["instance"]["name"] == "demo-instance"

    def test_transaction_of_another_instance_is_not_found(self, okepay, contact, other_instance):
        values = {"contact": other_instance.contacts.get(), "time": clock.now(), "amount": 1}
        other = OkePayTransaction.objects.create(**values)
        assert okepay("GET", f"Transaction/{other.number}/").status_code == 404
        assert okepay("GET", "Transaction/").status_code == 400


class TestTime:
    def test_subscription_runs_on_and_is_paid_again(self, sandbox, contact):
        paid_until = contact.subscriptions.get().valid_until
        sandbox.advance((paid_until - clock.now().date() + timedelta(days=2)).total_seconds())
        sandbox.send_webhooks()
        row = contact.subscriptions.get()
        assert (row.status, row.transactions.count()) == ("active", 2)
        assert row.valid_until > clock.now().date()
        sandbox.send_webhooks()
        assert row.transactions.count() == 2

    def test_api_and_portal_show_what_time_has_brought_about(self, sandbox, okepay, contact, visitor):
        row = contact.subscriptions.get()
        contact.subscriptions.update(status="in_notice", end=row.valid_until)
        sandbox.advance(40 * 24 * 60 * 60)
        assert only(okepay("GET", f"Subscription/{row.number}/"))["status"] == "cancelled"
        contact.subscriptions.update(status="in_notice")
        token = only(okepay("POST", "AuthToken/", ("userId", "4711")))["authToken"]
        page = visitor.get(f"/plenigo-sandbox/okepay/demo-instance/login/?token={token}")
        assert 'data-status="cancelled"' in page.text

    def test_what_the_customer_has_cancelled_ends_with_what_is_paid(self, sandbox, contact):
        row = contact.subscriptions.get()
        contact.subscriptions.update(status="in_notice", end=row.valid_until)
        sandbox.send_webhooks()
        assert contact.subscriptions.get().status == "in_notice"
        sandbox.advance(40 * 24 * 60 * 60)
        sandbox.send_webhooks()
        assert contact.subscriptions.get().status == "cancelled"
        assert contact.transactions.count() == 1


def test_ids_of_different_kinds_are_told_apart_by_their_first_digit(sandbox):
    contact = sandbox.okepay_contact("new@example.com")
    numbers = [contact.number, contact.subscriptions.get().number, contact.transactions.get().number]
    assert [str(number)[0] for number in numbers] == ["1", "2", "3"]
    assert {len(str(number)) for number in numbers} == {9}


def test_demo_contact_is_made_once_and_stays_as_it_was_changed(okepay, sandbox):
    OkePayContact.objects.filter(instance=sandbox.okepay, number=1).update(first_name="Ida")
    okepay("POST", "AuthToken/", ("userId", "1"))
    assert list(OkePayContact.objects.values_list("first_name", flat=True)) == ["Ida"]
