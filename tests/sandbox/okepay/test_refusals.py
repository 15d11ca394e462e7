"""Section 5 of docs/protocols/okepay.md: what bad input gets."""

import json

import pytest

from django_plenigo.sandbox.models import OkePayInstance, OkePayLoginLink
from tests.sandbox.okepay.client import FORM, OkePayClient, as_sent, sign

SECRET_WRONG = "An error occurred: The API secret is not correct."
ADDRESS = "v1.0/AuthToken/?instance=demo-instance"
KEY = {"X-API-KEY": "sandbox-secret-42"}


def told(reply):
    return reply.status_code, reply.json()["message"]


def post(okepay, body, content_type=FORM, address=ADDRESS, **headers):
    return okepay.send("POST", address, data=body, headers={"Content-Type": content_type, **headers})


class TestCredentials:
    @pytest.mark.parametrize(
        "body",
        [
            "userId=4711",
            "userId=4711&ApiSignature=",
            f"userId=4711&ApiSignature={'A' * 43}%3D",
            as_sent([("userId", "4711"), ("ApiSignature", sign("userId=4711", "another"))]),
            as_sent([("userId", "4711"), ("ApiSignature", sign("userId=1"))]),
            as_sent([("userId", "4711"), ("a", "1"), ("ApiSignature", sign("a=1&userId=4711"))]),
            "userId=4711&ApiSignature=%C3%A9",
        ],
        ids=["none", "empty", "forged", "of another secret", "of other parameters", "in another order", "not ASCII"],
    )
    def test_wrong_and_missing_signatures_are_one_answer(self, okepay, contact, body):
        assert told(post(okepay, body)) == (403, SECRET_WRONG)
        assert not OkePayLoginLink.objects.exists()

    @pytest.mark.parametrize("name", ["unknown", "Demo-Instance", "demo-instance%20", "%F0%9F%98%80"])
    def test_unknown_instance_is_told_as_a_wrong_secret(self, okepay, contact, name):
        body = as_sent([("userId", "4711"), ("ApiSignature", sign("userId=4711"))])
        assert told(post(okepay, body, address=f"v1.0/AuthToken/?instance={name}")) == (403, SECRET_WRONG)

    def test_instance_with_an_empty_secret_lets_nobody_in(self, okepay, contact):
        OkePayInstance.objects.update(secret="")
        body = as_sent([("userId", "4711"), ("ApiSignature", sign("userId=4711", ""))])
        assert told(post(okepay, body)) == (403, SECRET_WRONG)

    def test_key_in_the_header_is_enough(self, okepay, contact):
        assert post(okepay, "userId=4711", **KEY).status_code == 200

    @pytest.mark.parametrize("key", ["", "another", "é"])
    def test_wrong_key_is_refused(self, okepay, contact, key):
        assert told(post(okepay, "userId=4711", **{"X-API-KEY": key})) == (403, SECRET_WRONG)

    @pytest.mark.parametrize(
        ("key", "signed", "status"),
        [
            ("sandbox-secret-42", "userId=4711", 200),
            ("sandbox-secret-42", "userId=1", 403),
            ("another", "userId=4711", 403),
        ],
    )
    def test_where_both_are_sent_both_must_be_right(self, okepay, contact, key, signed, status):
        body = as_sent([("userId", "4711"), ("ApiSignature", sign(signed))])
        assert post(okepay, body, **{"X-API-KEY": key}).status_code == status

    def test_signature_in_the_address_is_none_of_a_body(self, okepay, contact):
        address = f"{ADDRESS}&{as_sent([('ApiSignature', sign('userId=4711'))])}"
        assert told(post(okepay, "userId=4711", address=address)) == (403, SECRET_WRONG)

    @pytest.mark.parametrize("address", ["v1.0/AuthToken/", "v1.0/AuthToken/?instance=", "v1.0/Nothing/"])
    def test_missing_instance_is_an_unhelpful_422(self, okepay, contact, address):
        body = as_sent([("userId", "4711"), ("ApiSignature", sign("userId=4711")), ("instance", "demo-instance")])
        assert told(post(okepay, body, address=address)) == (422, "Unprocessable Content")

    def test_another_instance_in_the_body_is_refused(self, okepay, contact):
        body = as_sent([("userId", "4711"), ("ApiSignature", sign("userId=4711")), ("instance", "other")])
        assert post(okepay, body).status_code == 403


class TestAddresses:
    @pytest.mark.parametrize("version", ["v1", *(f"v1.{number}" for number in range(17))])
    def test_each_version_there_is_answers(self, okepay, contact, version):
        assert okepay.send("GET", f"{version}/SignatureCheck/?instance=demo-instance", headers=KEY).status_code == 200

    @pytest.mark.parametrize("version", ["v0", "v1.17", "v1.00", "v1.", "v1.0.0", "v2", "v11", "v1.1000000000"])
    def test_unknown_version_is_told(self, okepay, contact, version):
        reply = okepay.send("GET", f"{version}/SignatureCheck/?instance=demo-instance", headers=KEY)
        assert told(reply) == (404, "Version not found.")

    @pytest.mark.parametrize("path", ["AuthToken", "AuthToken/", "AuthToken/0", "AuthToken/0/", "AuthToken/0//"])
    def test_id_and_slash_at_the_end_may_be_left_out(self, okepay, contact, path):
        assert okepay("POST", path, ("userId", "4711")).status_code == 200

    @pytest.mark.parametrize(
        "path", ["authtoken/", "Invoice/", "AuthToken/0/refund/", "AuthToken/0/a/b/c", "", "/AuthToken/", "Gateway/1/"]
    )
    def test_unknown_objects_and_actions_are_not_found(self, okepay, contact, path):
        assert okepay("POST", path, ("userId", "4711")).status_code == 404

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "AuthToken/"),
            ("PUT", "AuthToken/"),
            ("DELETE", "AuthToken/"),
            ("POST", "SignatureCheck/"),
            ("POST", "Transaction/1/"),
            ("PATCH", "Subscription/1/"),
            ("OPTIONS", "AuthToken/"),
        ],
    )
    def test_methods_that_an_object_has_not_are_405(self, okepay, contact, method, path):
        assert okepay.send(method, f"v1.0/{path}?instance=demo-instance", headers=KEY).status_code == 405

    def test_model_that_is_none_of_the_address_is_refused(self, okepay, contact):
        reply = okepay("POST", "AuthToken/", ("userId", "4711"), ("model", "Subscription"))
        assert told(reply) == (400, "Invalid value passed for parameter 'model'")

    @pytest.mark.parametrize("number", ["x", "-1", "1.5", "2147483648", "99999999999999999999", "01", "%C2%B2"])
    def test_id_that_is_no_number_is_refused(self, okepay, contact, number):
        assert okepay("GET", f"Subscription/{number}/").status_code == 400

    def test_id_in_the_path_and_among_the_parameters_must_be_one(self, okepay, contact):
        number = contact.subscriptions.get().number
        assert okepay("GET", f"Subscription/{number}/", ("id", str(number))).status_code == 200
        assert told(okepay("DELETE", f"Subscription/{number}/", ("id", "1"))) == (
            400,
            "Invalid value passed for parameter 'id'",
        )
        assert contact.subscriptions.get().status == "active"


class TestParameters:
    @pytest.mark.parametrize(
        "value", ["", "0", "-1", "abc", "1.5", " 1", "1 ", "+1", "01", "0x1", "2147483648", "9" * 30, "١", "1\n", "1e3"]
    )
    def test_user_id_that_is_no_int32_above_zero_is_refused(self, okepay, contact, value):
        expected = (400, "Invalid value passed for parameter 'userId'")
        assert told(okepay("POST", "AuthToken/", ("userId", value))) == expected

    def test_missing_user_id_is_refused(self, okepay, contact):
        assert okepay("POST", "AuthToken/").status_code == 400
        assert okepay.as_okepay_php("POST", "AuthToken").status_code == 400

    @pytest.mark.parametrize("number", ["4712", "2147483647"])
    def test_unknown_user_id_is_not_found(self, okepay, contact, number):
        assert okepay("POST", "AuthToken/", ("userId", number)).status_code == 404

    def test_contact_of_another_instance_is_not_found(self, okepay, contact, other_instance):
        assert okepay("POST", "AuthToken/", ("userId", "7")).status_code == 404
        assert OkePayClient("other", "other-secret")("POST", "AuthToken/", ("userId", "4711")).status_code == 404

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            ("userId=4711&userId=4711", FORM),
            ("userId=4711&user%49d=1", FORM),
            ("a%5B%5D=1&a%5B%5D=2", FORM),
            ('{"userId":4711,"userId":4711}', "application/json"),
            ('{"a[b]":1,"a":{"b":2}}', "application/json"),
        ],
    )
    def test_parameter_that_is_sent_twice_is_refused(self, okepay, contact, body, content_type):
        assert told(post(okepay, body, content_type, **KEY)) == (400, "A parameter was sent twice.")

    def test_instance_that_is_sent_twice_is_refused(self, okepay, contact):
        assert post(okepay, "userId=4711", address=f"{ADDRESS}&instance=other", **KEY).status_code == 400

    @pytest.mark.parametrize(
        ("body", "content_type", "status"),
        [
            (b"userId=%ff", FORM, 400),
            (b"userId=\xff", FORM, 400),
            (b"userId=%00", FORM, 400),
            (b"userId=%ED%A0%80", FORM, 400),
            (b'{"userId":"\xff"}', "application/json", 400),
            (b'{"userId":"\\ud800"}', "application/json", 400),
            (b'{"userId":NaN}', "application/json", 400),
            (b"{", "application/json", 400),
            (b"[1]", "application/json", 400),
            (b'"userId"', "application/json", 400),
            (b'{"a":' * 9000 + b"1" + b"}" * 9000, "application/json", 400),
            (b'{"a":' + b"[" * 30000, "application/json", 400),
            (b'{"userId":' + b"9" * 5000 + b"}", "application/json", 400),
            (b"<userId>4711</userId>", "text/xml", 400),
            (b"userId=4711", "multipart/form-data; boundary=x", 400),
            (b"a=" + b"x" * 65536, FORM, 413),
            (b"x" * 3_000_000, FORM, 413),
        ],
        ids=str,
    )
    def test_body_that_cannot_be_read_is_refused(self, okepay, contact, body, content_type, status):
        assert post(okepay, body, content_type, **KEY).status_code == status

    def test_address_that_is_too_long_is_refused(self, okepay, contact):
        assert post(okepay, "userId=4711", address=f"{ADDRESS}&a={'x' * 66000}", **KEY).status_code == 413

    @pytest.mark.parametrize("value", [4711, "4711", 4711.0])
    def test_json_is_taken(self, okepay, contact, value):
        assert post(okepay, json.dumps({"userId": value}), "application/json; charset=utf-8", **KEY).status_code == 200

    @pytest.mark.parametrize("value", [None, False, [4711], {"a": 4711}, 4711.5, ""])
    def test_other_values_in_json_are_no_user_id(self, okepay, contact, value):
        assert post(okepay, json.dumps({"userId": value}), "application/json", **KEY).status_code == 400

    def test_json_is_signed_as_php_writes_it(self, okepay, contact):
        values = {"userId": 4711, "a": {"b": [True, False, None, "x y~"]}, "c": None, "d": ""}
        signed = "userId=4711&a%5Bb%5D%5B0%5D=1&a%5Bb%5D%5B1%5D=0&a%5Bb%5D%5B3%5D=x+y%7E&d="
        body = json.dumps({**values, "ApiSignature": sign(signed), "instance": "demo-instance"})
        assert post(okepay, body, "application/json").status_code == 200

    def test_stray_null_in_the_body_of_a_get_hides_the_parameters_of_the_address(self, okepay, contact):
        query = as_sent([("model", "SignatureCheck"), ("ApiSignature", sign("model=SignatureCheck"))])
        address = f"v1.0/SignatureCheck/?instance=demo-instance&{query}"
        assert okepay.send("GET", address).status_code == 200
        stray = okepay.send("GET", address, data="null", headers={"Content-Type": "application/json"})
        assert told(stray) == (403, SECRET_WRONG)


class TestTooManyCalls:
    def check(self, okepay):
        return okepay.send("GET", "v1/SignatureCheck/?instance=demo-instance", headers=KEY).status_code

    def test_limit_is_off_unless_somebody_switches_it_on(self, okepay, sandbox):
        assert sandbox.okepay.calls_allowed is None
        assert {self.check(okepay) for _ in range(50)} == {200}

    def test_calls_beyond_the_limit_are_405_once_and_then_403(self, okepay, sandbox):
        sandbox.okepay.calls_allowed = 3
        sandbox.okepay.save()
        assert [self.check(okepay) for _ in range(7)] == [200, 200, 200, 405, 403, 403, 403]

    def test_five_minutes_later_calls_are_answered_again(self, okepay, sandbox):
        sandbox.okepay.calls_allowed = 1
        sandbox.okepay.save()
        assert [self.check(okepay) for _ in range(2)] == [200, 405]
        sandbox.advance(299)
        assert self.check(okepay) == 403
        sandbox.advance(2)
        assert self.check(okepay) == 200

    def test_calls_of_strangers_do_not_count(self, okepay, sandbox):
        sandbox.okepay.calls_allowed = 1
        sandbox.okepay.save()
        for _ in range(3):
            okepay.send("GET", "v1/SignatureCheck/?instance=demo-instance", headers={"X-API-KEY": "another"})
        assert self.check(okepay) == 200
