"""Section 3 of docs/protocols/plenigo-v3.md: sessions and transfer tokens."""

from urllib.parse import quote

import pytest

from tests.sandbox.v3.client import ApiV3

DAY = 24 * 60 * 60


@pytest.fixture
def login(v3, ada):
    """Make a session of Ada's and return its text."""

    def make(**logging_data):
        answer = v3("POST", f"sessions/{ada.number}", logging_data)
        assert answer.status_code == 202
        return answer.json()["customerSession"]

    return make


def validate(v3, session):
    return v3.ask("GET", f"sessions/validate?sessionToken={quote(session)}")


class TestSession:
    def test_session_is_long_and_says_whose_it_is(self, v3, login, ada):
        session = login()
        status, told = validate(v3, session)
        assert (status, told["customerId"], told["type"], len(session) > 500) == (
            200,
            ada.number,
            "CUSTOMER_SESSION",
            True,
        )
        assert told["companyId"] == told["contractCompanyId"] == ada.company.company_id

    def test_session_tells_the_customer(self, v3, login):
        told = v3("GET", f"sessions/customerData?sessionToken={quote(login())}").json()
        assert (told["email"], told["externalSystemId"]) == ("Ada@example.com", "A-1")

    def test_session_lives_for_fourteen_days(self, v3, login, sandbox):
        session = login()
        sandbox.advance(14 * DAY + 1)
        assert (validate(v3, session)[0], validate(v3, session)[1]["errorCode"]) == (401, 20028)

    def test_session_is_renewed_by_its_use(self, v3, login, sandbox):
        session = login()
        for _ in range(3):
            sandbox.advance(13 * DAY)
            assert validate(v3, session)[0] == 200

    def test_session_of_another_company_is_invalid(self, login, other_company):
        assert validate(ApiV3(other_company.api_token), login())[0] == 401

    @pytest.mark.parametrize("status", ["BLOCKED", "DEACTIVATED", "DISABLED"])
    def test_session_of_a_customer_who_is_not_activated_is_invalid(self, v3, login, ada, status):
        session = login()
        ada.status = status
        ada.save()
        assert validate(v3, session)[0] == 401

    @pytest.mark.parametrize(
        "change", [lambda text: text[:-1], lambda text: text + "A", lambda text: "x" + text, str.upper]
    )
    def test_session_that_was_changed_is_invalid(self, v3, login, change):
        assert validate(v3, change(login()))[0] == 401


class TestLimit:
    def test_second_session_is_not_made_and_the_answer_is_200(self, v3, login, ada):
        login(os="Linux", browser="Firefox")
        status, told = v3.ask("POST", f"sessions/{ada.number}", {})
        item = told["activeSessions"]["items"][0]
        assert (status, item["os"], item["browser"]) == (200, "Linux", "Firefox")
        assert (len(told["removalToken"]) <= 40, ada.customer_sessions.count()) == (True, 1)

    @pytest.mark.parametrize(("number", "allowed"), [(0, 1), (1, 1), (3, 3)])
    def test_settings_say_how_many_there_may_be(self, v3, ada, settings_of_sso, number, allowed):
        settings_of_sso(max_sessions=number)
        statuses = [v3("POST", f"sessions/{ada.number}", {}).status_code for _ in range(allowed + 1)]
        assert statuses == [202] * allowed + [200]

    def test_old_session_does_not_count(self, v3, login, sandbox):
        login()
        sandbox.advance(15 * DAY)
        login()

    def test_all_sessions_end_and_a_new_one_begins(self, v3, login, ada):
        old = login()
        token = v3("POST", f"sessions/{ada.number}", {"browser": "Opera"}).json()["removalToken"]
        status, told = v3.ask("PUT", f"processes/login/changeSessions/{token}")
        assert (status, validate(v3, told["customerSession"])[0]) == (202, 200)
        assert (validate(v3, old)[0], validate(v3, old)[1]["errorCode"]) == (401, 99011)
        assert ada.customer_sessions.get(ended_at=None).browser == "Opera"

    def test_one_session_ends_and_others_stay(self, v3, login, ada, settings_of_sso):
        settings_of_sso(max_sessions=2)
        first, second = login(), login()
        told = v3("POST", f"sessions/{ada.number}", {}).json()
        ended = told["activeSessions"]["items"][0]["sessionId"]
        path = f"processes/login/changeSessions/{told['removalToken']}?sessionId={ended}"
        assert v3("PUT", path).status_code == 202
        assert [validate(v3, session)[0] for session in (first, second)] == [401, 200]

    def test_removal_token_works_once(self, v3, login, ada):
        login()
        path = f"processes/login/changeSessions/{v3('POST', f'sessions/{ada.number}', {}).json()['removalToken']}"
        assert [v3("PUT", path).status_code for _ in range(2)] == [202, 401]

    def test_removal_token_survives_an_unknown_session(self, v3, login, ada):
        login()
        path = f"processes/login/changeSessions/{v3('POST', f'sessions/{ada.number}', {}).json()['removalToken']}"
        assert v3.refusal("PUT", f"{path}?sessionId=unknown") == (400, 20030)
        assert v3("PUT", path).status_code == 202

    def test_removal_token_ages(self, v3, login, ada, sandbox):
        login()
        token = v3("POST", f"sessions/{ada.number}", {}).json()["removalToken"]
        sandbox.advance(15 * 60 + 1)
        assert v3.refusal("PUT", f"processes/login/changeSessions/{token}") == (401, 20031)


class TestTransferToken:
    def mint(self, v3, session):
        return v3("POST", "sessions/transferToken", {"customerSession": session}).json()["transferToken"]

    def redeem(self, v3, token):
        return v3.ask("GET", f"sessions/transferToken?transferToken={token}")

    def test_carries_a_session_once(self, v3, login):
        session = login()
        token = self.mint(v3, session)
        assert self.redeem(v3, token) == (200, {"customerSession": session})
        assert (self.redeem(v3, token)[0], self.redeem(v3, token)[1]["errorCode"]) == (412, 20032)
        assert len(token) <= 50

    def test_lives_for_thirty_seconds(self, v3, login, sandbox, standing_time):
        tokens = [self.mint(v3, session) for session in [login()] * 2]
        sandbox.advance(29)
        assert self.redeem(v3, tokens[0])[0] == 200
        sandbox.advance(1)
        assert self.redeem(v3, tokens[1])[0] == 412
