"""Section 6 of docs/protocols/plenigo-v3.md: settings of the single sign-on, and connecting an imported account."""

import pytest

from django_plenigo.sandbox import purchases
from django_plenigo.sandbox.models import Company, ConnectionProcess, Customer, SentMessage

PATH = "processes/registration/loginIdentifier"
PERSON = {"email": "erna@example.com", "password": "correct horse", "language": "de"}


class TestSettings:
    def test_settings_of_the_demo_company(self, v3):
        told = v3("GET", "processes/settings/sso?language=de").json()
        settings = told["settings"]
        assert (settings["tokenType"], settings["maxSessions"], settings["ssoName"]) == ("EMAIL", 1, "NONE")
        assert settings["allowRegistrationIdentifier"] is True
        assert {name for name, is_on in settings["registrationIdentifiers"].items() if is_on} == {
            "requestCustomerId",
            "requestPostcode",
        }
        assert (told["emergencyMode"], told["disableSsoFunctionality"]) == ("NONE", False)

    def test_form_of_the_merchant_backend_is_what_is_told(self, v3, sandbox, settings_of_sso):
        assert sandbox.company
        settings_of_sso(max_sessions=0, allowed_domains="a.example,b.example", opt_in_text="Yes", sso_name="REQUIRED")
        told = v3("GET", "processes/settings/sso").json()
        settings = told["settings"]
        assert (settings["maxSessions"], settings["allowedDomains"]) == (0, "a.example,b.example")
        assert (settings["ssoName"], told["ssoOptInText"]) == ("REQUIRED", "Yes")


@pytest.fixture
def start(v3, erna):
    """Begin to connect Erna's account and return status and body."""

    def post(**values):
        body = {**PERSON, "customerId": erna.number, "postcode": "10115", **values}
        return v3.ask("POST", f"{PATH}/start", {name: value for name, value in body.items() if value is not None})

    return post


@pytest.fixture
def validate(v3):
    """Send a code and return status and body."""

    def post(step, code=None, **values):
        body = {"token": step["token"], "verificationToken": code or step["verificationToken"], **values}
        return v3.ask("POST", f"{PATH}/validate", body)

    return post


@pytest.fixture
def resend(v3):
    """Ask for another code and return status and body."""
    return lambda step: v3.ask("POST", f"{PATH}/resend", {"token": step["token"]})


def wrong(step):
    return "000000" if step["verificationToken"] != "000000" else "111111"


class TestConnection:
    def test_code_is_sent_and_told(self, start, sandbox, erna):
        status, step = start()
        assert (status, step["nextStep"], step["failRuns"]) == (200, "EMAIL", 0)
        assert step["companyId"] == erna.company.company_id
        assert sandbox.sent_codes("erna@example.com") == [step["verificationToken"]]

    def test_right_code_connects_and_logs_in(self, v3, api, start, validate, erna):
        status, told = validate(start(firstName="Erna", lastName="Tag", username="erna")[1], browser="Firefox")
        assert status == 201
        customer = v3("GET", "sessions/customerData", params={"sessionToken": told["customerSession"]}).json()
        assert (customer["customerId"], customer["email"], customer["lastName"]) == (
            erna.number,
            "erna@example.com",
            "Tag",
        )
        body = {"email": "erna@example.com", "password": "correct horse"}
        assert api("POST", "user/verifyLogin", json=body).status_code == 200

    def test_addresses_are_kept(self, start, validate, erna):
        validate(start(deliveryAddress={"street": "Weg", "city": "Bonn"})[1])
        assert erna.addresses.get(kind="DELIVERY").city == "Bonn"

    def test_password_is_not_kept_in_clear(self, start):
        start()
        assert "correct horse" not in str(ConnectionProcess.objects.values_list("values", flat=True).get())

    def test_code_by_sms(self, start, sandbox, settings_of_sso):
        settings_of_sso(token_type="SMS")
        Company.objects.update(has_sms_provider=True)
        status, step = start(mobileNumber="+491701234567")
        assert (status, step["nextStep"]) == (200, "SMS")
        assert sandbox.sent_codes("+491701234567") == [step["verificationToken"]]

    def test_customer_who_has_connected_is_208_without_a_body(self, start, validate):
        validate(start()[1])
        assert start(email="other@example.com") == (208, None)

    def test_customer_who_connects_elsewhere_meanwhile_is_208_without_a_body(self, start, validate, erna):
        step = start()[1]
        Customer.objects.filter(pk=erna.pk).update(has_pseudo_email=False)
        assert validate(step) == (208, None)


class TestIdentifiers:
    @pytest.mark.parametrize("postcode", ["10115", " 10115 "])
    def test_post_code_must_be_of_an_address(self, start, postcode):
        assert start(postcode=postcode)[0] == 200

    def test_parts_must_be_of_one_address(self, start, erna, settings_of_sso):
        settings_of_sso(request_city=True)
        erna.addresses.create(postcode="53111", city="Bonn")
        assert start(city="BERLIN")[0] == 200
        status, told = start(city="Bonn")
        assert (status, told["errorCode"]) == (400, 20013)

    def test_subscription_alone(self, start, subscription, settings_of_sso):
        settings_of_sso(request_customer_id=False, request_subscription_id=True)
        assert start(customerId=None, subscriptionId=purchases.subscription_number(subscription))[0] == 200

    def test_both_must_belong_together(self, start, sandbox, subscription, settings_of_sso):
        settings_of_sso(request_subscription_id=True)
        other = sandbox.import_customer()
        assert start(subscriptionId=purchases.subscription_number(subscription))[0] == 200
        status, told = start(subscriptionId=purchases.subscription_number(other))
        assert (status, told["errorCode"]) == (400, 20012)

    def test_what_is_not_asked_for_is_ignored(self, start):
        assert start(subscriptionId=1, street="Other")[0] == 200


class TestSteps:
    def test_wrong_code_may_be_tried_five_times(self, start, validate):
        step = start()[1]
        told = [validate(step, wrong(step)) for _ in range(6)]
        assert [(status, body["errorCode"]) for status, body in told] == [(403, 20044)] * 5 + [(400, 20043)]
        assert validate(step)[1]["errorCode"] == 20043

    def test_right_code_after_a_wrong_one(self, start, validate):
        step = start()[1]
        assert [validate(step, wrong(step))[0], validate(step)[0]] == [403, 201]

    def test_another_code_replaces_token_and_code_and_counts_on(self, start, validate, resend):
        first = start()[1]
        validate(first, wrong(first))
        status, second = resend(first)
        assert (status, second["failRuns"], first["token"] == second["token"]) == (200, 1, False)
        assert (validate(first)[0], validate(first)[1]["errorCode"]) == (412, 20041)
        assert validate(second)[0] == 201

    def test_token_lives_for_fifteen_minutes(self, start, validate, resend, sandbox):
        step = start()[1]
        sandbox.advance(15 * 60)
        told = [validate(step), resend(step)]
        assert [(status, body["errorCode"]) for status, body in told] == [(408, 20010)] * 2

    def test_used_token_is_refused(self, start, validate, resend):
        step = start()[1]
        validate(step)
        told = [validate(step), resend(step)]
        assert [(status, body["errorCode"]) for status, body in told] == [(412, 20041)] * 2

    def test_unknown_token_is_refused(self, validate, resend, erna):
        step = {"token": "unknown", "verificationToken": "123456"}
        told = [validate(step), resend(step)]
        assert [(status, body["errorCode"]) for status, body in told] == [(408, 20040)] * 2

    def test_first_tab_is_out_of_order_when_a_second_has_begun(self, start, validate, resend):
        first, second = start()[1], start(email="other@example.com")[1]
        told = [validate(first), resend(first)]
        assert [(status, body["errorCode"]) for status, body in told] == [(428, 20042)] * 2
        assert validate(second)[0] == 201

    def test_token_of_another_kind_is_refused(self, v3, validate, ada):
        v3("POST", f"sessions/{ada.number}", {})
        token = v3("POST", f"sessions/{ada.number}", {}).json()["removalToken"]
        status, told = validate({"token": token, "verificationToken": "123456"})
        assert (status, told["errorCode"] == 20044) == (403, False)

    def test_address_that_is_taken_meanwhile_is_refused(self, start, validate, sandbox):
        step = start()[1]
        sandbox.create_customer(email="ERNA@example.com")
        status, told = validate(step)
        assert (status, told["errorCode"]) == (400, 20007)

    def test_company_that_throttles_takes_an_address_once_in_ten_seconds(self, start, sandbox):
        sandbox.company.throttles_registration = True
        sandbox.company.save()
        assert start()[0] == 200
        status, told = start()
        assert (status, told["errorCode"]) == (423, 20026)
        sandbox.advance(11)
        assert start()[0] == 200


def test_code_is_in_the_outbox_only(start):
    step = start()[1]
    assert SentMessage.objects.get().code == step["verificationToken"]
    assert step["verificationToken"] not in str(ConnectionProcess.objects.values())
