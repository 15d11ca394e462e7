"""What a customer has bought, the paywall, and the vendor's own session. Section 2.2 of the page."""

import pytest

from django_plenigo.errors import NotFoundError, ProtocolError, RejectedError
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.sandbox import purchases
from django_plenigo.sandbox.pages.session_cookie import new_session_cookie
from django_plenigo.sandbox.seed import DAY_PASS


class TestCheckCustomer:
    @pytest.mark.parametrize("external", [False, True])
    def test_finds_a_customer_who_has_bought_nothing(self, plenigo, sandbox, ada, external):
        sandbox.calls.clear()
        plenigo.check_customer(CustomerRef("A-1" if external else ada.customer_id, is_external=external))
        assert [(call.endpoint, call.status) for call in sandbox.calls] == [("userSubscriptions", 200)]

    @pytest.mark.parametrize(
        "stranger", [CustomerRef("UNKNOWN00000"), CustomerRef("A-1"), CustomerRef("A-2", is_external=True)]
    )
    def test_finds_no_unknown_customer(self, plenigo, ada, stranger):
        with pytest.raises(NotFoundError):
            plenigo.check_customer(stranger)


class TestHasBought:
    def test_is_yes_or_no_per_product_in_one_call(self, plenigo, sandbox, ada, reference):
        sandbox.buy(ada, "BOUGHT")
        sandbox.buy(ada, "ü/ö?&= 1")
        answer = plenigo.has_bought(reference, ["BOUGHT", "OTHER", "ü/ö?&= 1"])
        assert answer == {"BOUGHT": True, "OTHER": False, "ü/ö?&= 1": True}
        assert [(call.endpoint, call.status) for call in sandbox.calls] == [("hasUserBought", 200)]

    def test_is_no_for_each_where_the_vendor_says_403(self, plenigo, sandbox, reference):
        assert plenigo.has_bought(reference, ["A", "B"]) == {"A": False, "B": False}
        assert [call.status for call in sandbox.calls] == [403]

    @pytest.mark.parametrize("external", [False, True])
    def test_works_by_access_id_whatever_the_flag(self, plenigo, sandbox, ada, reference, external):
        sandbox.buy(ada, "P")
        plenigo.import_access_ids(reference, [None, None, None, "CRM 9/ü"])
        assert plenigo.has_bought(CustomerRef("CRM 9/ü", is_external=external), ["P"]) == {"P": True}

    def test_works_by_external_id(self, plenigo, sandbox, ada):
        sandbox.buy(ada, "P")
        assert plenigo.has_bought(CustomerRef("A-1", is_external=True), ["P"]) == {"P": True}

    @pytest.mark.parametrize("stranger", ["UNKNOWN00000", "A-1"])
    def test_is_no_for_an_id_that_is_nobodys(self, plenigo, sandbox, ada, stranger):
        sandbox.buy(ada, "P")
        assert plenigo.has_bought(CustomerRef(stranger), ["P"]) == {"P": False}

    def test_keeps_test_purchases_apart(self, connect, sandbox, ada, reference):
        sandbox.buy(ada, "LIVE")
        sandbox.buy(ada, "TEST", test_mode=True)
        assert connect().has_bought(reference, ["LIVE", "TEST"]) == {"LIVE": True, "TEST": False}
        assert connect(TEST_MODE=True).has_bought(reference, ["LIVE", "TEST"]) == {"LIVE": False, "TEST": True}

    def test_is_yes_for_everybody_while_the_paywall_is_off(self, plenigo, sandbox, reference):
        sandbox.company.paywall_enabled = False
        sandbox.company.save()
        assert plenigo.has_bought(reference, ["A", "B"]) == {"A": True, "B": True}
        assert plenigo.has_bought(CustomerRef("UNKNOWN00000"), ["A"]) == {"A": True}

    def test_is_no_for_a_purchase_that_is_blocked(self, plenigo, sandbox, ada, reference):
        purchase = sandbox.buy(ada, "P")
        purchase.is_blocked = True
        purchase.save()
        assert plenigo.has_bought(reference, ["P"]) == {"P": False}

    @pytest.mark.parametrize(("age_seconds", "owned"), [(86000, True), (86401, False)])
    def test_is_no_from_the_end_of_a_right_on(self, plenigo, sandbox, ada, reference, age_seconds, owned):
        sandbox.buy(ada, DAY_PASS)
        sandbox.advance(age_seconds)
        assert plenigo.has_bought(reference, [DAY_PASS]) == {DAY_PASS: owned}

    def test_is_no_for_a_right_that_was_taken_back(self, plenigo, ada, reference):
        purchases.grant(ada, "P")
        before = plenigo.has_bought(reference, ["P"])
        purchases.revoke(ada, ["P"])
        assert (before, plenigo.has_bought(reference, ["P"])) == ({"P": True}, {"P": False})

    def test_is_an_error_where_somebody_else_says_403(self, plenigo, sandbox, reference):
        sandbox.fail_next(403, body="<h1>Firewall</h1>")
        with pytest.raises(ProtocolError):
            plenigo.has_bought(reference, ["P"])

    def test_asks_for_a_hundred_products_at_once_and_for_no_more(self, plenigo, sandbox, ada, reference):
        products = [f"P{number}" for number in range(101)]
        sandbox.buy(ada, "P99")
        answer = plenigo.has_bought(reference, products[:100])
        assert [product for product, owned in answer.items() if owned] == ["P99"]
        with pytest.raises(RejectedError, match="invalid productId"):
            plenigo.has_bought(reference, products)


@pytest.mark.parametrize("enabled", [True, False])
def test_paywall_is_what_the_merchant_set(plenigo, sandbox, enabled):
    sandbox.company.paywall_enabled = enabled
    sandbox.company.save()
    assert plenigo.is_paywall_enabled() is enabled


class TestConfirmUserCookie:
    def test_names_the_customer(self, plenigo, ada):
        assert plenigo.confirm_user_cookie(new_session_cookie(ada)) == ada.customer_id

    def test_is_nobody_after_a_day(self, plenigo, sandbox, ada):
        cookie = new_session_cookie(ada)
        sandbox.advance(24 * 60 * 60 + 1)
        assert plenigo.confirm_user_cookie(cookie) is None

    def test_is_nobody_without_the_vendors_check_sum(self, plenigo, ada):
        cookie = new_session_cookie(ada)
        assert plenigo.confirm_user_cookie(cookie.partition("|")[0]) is None
        assert plenigo.confirm_user_cookie(cookie[:-1] + ("0" if cookie[-1] != "0" else "1")) is None

    def test_is_nobody_where_the_customer_is_gone(self, plenigo, sandbox, ada):
        cookie = new_session_cookie(ada)
        ada.delete()
        assert plenigo.confirm_user_cookie(cookie) is None

    @pytest.mark.parametrize("written", ["nonsense", "ä&b=c#", "0" * 64, "|"])
    def test_is_nobody_for_what_a_browser_made_up(self, plenigo, sandbox, written):
        assert plenigo.confirm_user_cookie(written) is None
        assert [call.status for call in sandbox.calls] == [403]
