"""The client of API v3 about customers: what it sends, what it makes of the answers, and what it refuses to send."""

import pytest

from django_plenigo.errors import ConflictError, InvalidValueError, NotFoundError, ProtocolError
from django_plenigo.protocols.base import CustomerRef
from tests.scripted_vendor_v3 import ok, refused
from tests.transport.fakes import Reply

READER = CustomerRef("56202510")
MEMBER = CustomerRef("member 7-ü", is_external=True)
NOT_FOUND = refused(404, 20404)
KNOWN = {
    "customerId": "56202510",
    "email": "ada@example.com",
    "language": "de",
    "firstName": "Ada",
    "lastName": "Reader",
    "externalSystemId": "member-7",
    "mobileNumber": "+4915112345678",
    "birthday": None,
    "salutation": "",
    "status": "ACTIVATED",
    "newThing": {"kept": True},
    "registrationDate": "2024-01-01T00:00:00Z",
    "changedBy": "somebody",
}


def register(client, **options):
    return client.register_user("ada@example.com", **{"language": "de", "external_id": "member-7", **options})


# ---- registering


def test_register_looks_for_the_external_id_then_creates(vendor):
    made = vendor(NOT_FOUND, ok(201, customerId="56202510"))
    assert register(made.client, first_name="Ada", last_name="Reader") == "56202510"
    assert made.lines == ["GET /customers/customerIdByExternalSystemId/member-7", "POST /customers"]
    assert made.body == {
        "email": "ada@example.com",
        "language": "de",
        "externalSystemId": "member-7",
        "firstName": "Ada",
        "lastName": "Reader",
    }


def test_register_without_an_external_id_creates_at_once_and_is_not_repeated(vendor):
    made = vendor(ok(201, customerId="56202510"))
    assert register(made.client, external_id=None) == "56202510"
    assert made.line == "POST /customers"


def test_register_again_answers_with_the_same_customer_and_writes_nothing(vendor):
    made = vendor(ok(customerId="56202510"), ok(**KNOWN))
    assert register(made.client) == "56202510"
    assert [line.split()[0] for line in made.lines] == ["GET", "GET"]


def test_register_again_brings_the_present_address(vendor):
    made = vendor(ok(customerId="56202510"), ok(**{**KNOWN, "email": "old@example.com"}), ok(**KNOWN))
    register(made.client)
    assert made.lines[-1] == "PUT /customers/56202510"
    assert made.body["email"] == "ada@example.com"


def test_registration_whose_answer_was_lost_is_found_by_the_external_id(vendor):
    found = [ok(customerId="56202510"), ok(**KNOWN)]
    made = vendor(NOT_FOUND, Reply(504), refused(400, 20023), *found)
    assert register(made.client) == "56202510"


def test_address_of_somebody_else_is_a_conflict(vendor):
    made = vendor(NOT_FOUND, refused(400, 20007), NOT_FOUND)
    with pytest.raises(ConflictError, match="e-mail address is taken"):
        register(made.client)


def test_verified_address_links_the_customer_who_owns_it(vendor):
    owner = {"customerId": "77", "email": "Ada@Example.com"}
    made = vendor(NOT_FOUND, refused(400, 20007), NOT_FOUND, ok(items=[owner]))
    assert register(made.client, fail_by_existing_email=False) == "77"
    assert made.query == {"email": "ada@example.com"}


@pytest.mark.parametrize(
    "items", [[], [{"customerId": "77", "email": "other@example.com"}], [{"email": "ada@example.com"}]]
)
def test_verified_address_that_nobody_owns_stays_a_conflict(vendor, items):
    made = vendor(NOT_FOUND, refused(400, 20007), NOT_FOUND, ok(items=items))
    with pytest.raises(ConflictError):
        register(made.client, fail_by_existing_email=False)


CREATED_BEFORE = {"customerId": "77", "email": "ada@example.com"}


@pytest.mark.parametrize("external_id", ["member-7", None])
def test_customer_who_was_there_before_is_not_linked_by_the_address_alone(vendor, external_id):
    lookups = [NOT_FOUND] if external_id else []
    made = vendor(*lookups, ok(208, **CREATED_BEFORE), *lookups)
    with pytest.raises(ConflictError, match="e-mail address is taken"):
        register(made.client, external_id=external_id)


def test_customer_who_was_there_before_with_another_external_id_is_a_conflict(vendor):
    made = vendor(NOT_FOUND, ok(208, **CREATED_BEFORE, externalSystemId="member-8"), NOT_FOUND)
    with pytest.raises(ConflictError, match="e-mail address is taken"):
        register(made.client)


def test_customer_who_was_there_before_is_linked_by_a_verified_address(vendor):
    made = vendor(NOT_FOUND, ok(208, **CREATED_BEFORE), NOT_FOUND, ok(items=[CREATED_BEFORE]))
    assert register(made.client, fail_by_existing_email=False) == "77"
    assert made.lines[-1] == "GET /customers"


def test_customer_who_was_there_before_is_ours_by_the_external_id(vendor):
    made = vendor(NOT_FOUND, ok(208, **CREATED_BEFORE, externalSystemId="member-7"))
    assert register(made.client) == "77"


def test_owner_of_an_address_is_found_whatever_its_case(vendor):
    made = vendor(ok(items=[{"customerId": "77", "email": "Ada@Example.com"}]))
    assert made.client.find_owner_of_email("ada@example.com") == "77"
    assert (made.lines, made.query) == (["GET /customers"], {"email": "ada@example.com"})


@pytest.mark.parametrize("items", [[], [{"customerId": "77", "email": "other@example.com"}]])
def test_address_that_nobody_has_is_not_found(vendor, items):
    with pytest.raises(NotFoundError):
        vendor(ok(items=items)).client.find_owner_of_email("ada@example.com")


def test_own_customer_ids_become_the_customer_id(vendor):
    made = vendor(NOT_FOUND, ok(208, customerId="4711"), uses_own_customer_ids=True)
    assert register(made.client, external_id="4711") == "4711"
    assert made.lines == ["GET /customers/4711", "POST /customers"]
    assert made.body["customerId"] == "4711"
    assert "externalSystemId" not in made.body


def test_own_customer_id_that_has_the_same_address_is_the_same_customer(vendor):
    known = ok(customerId="4711", email="Ada@Example.com", language="de")
    made = vendor(known, ok(customerId="4711"), uses_own_customer_ids=True)
    assert register(made.client, external_id="4711", first_name="Ada") == "4711"
    assert made.lines == ["GET /customers/4711", "PUT /customers/4711"]
    assert made.body["firstName"] == "Ada"


@pytest.mark.parametrize("is_verified", [False, True])
def test_own_customer_id_of_another_address_is_a_conflict_and_nothing_is_written(vendor, is_verified):
    made = vendor(ok(customerId="4711", email="bob@example.com"), uses_own_customer_ids=True)
    with pytest.raises(ConflictError, match="customer id is taken"):
        register(made.client, external_id="4711", fail_by_existing_email=not is_verified)
    assert made.line == "GET /customers/4711"


@pytest.mark.parametrize("code", [20007, 20027, 20068])
def test_own_customer_id_that_another_address_has_just_got_is_a_conflict(vendor, code):
    other = ok(customerId="4711", email="bob@example.com")
    made = vendor(NOT_FOUND, refused(400, code), other, uses_own_customer_ids=True)
    with pytest.raises(ConflictError, match="customer id is taken"):
        register(made.client, external_id="4711", fail_by_existing_email=False)
    assert [line.split()[0] for line in made.lines] == ["GET", "POST", "GET"]


def test_own_customer_id_is_not_linked_by_the_address_alone(vendor):
    made = vendor(NOT_FOUND, ok(208, **CREATED_BEFORE), NOT_FOUND, uses_own_customer_ids=True)
    with pytest.raises(ConflictError, match="e-mail address is taken"):
        register(made.client, external_id="4711")


def test_own_customer_id_is_found_only_where_somebody_has_it(vendor):
    made = vendor(ok(customerId="4711"), refused(404, 20404), uses_own_customer_ids=True)
    assert made.client.find_customer_id(CustomerRef("4711", is_external=True)) == "4711"
    with pytest.raises(NotFoundError):
        made.client.find_customer_id(CustomerRef("4712", is_external=True))
    assert made.lines == ["GET /customers/4711", "GET /customers/4712"]


def test_own_customer_ids_must_be_numbers(vendor):
    made = vendor(uses_own_customer_ids=True)
    with pytest.raises(InvalidValueError, match="external_id: must be 1 to 18 digits"):
        register(made.client, external_id="A1BKAFZZ3H0H")
    assert made.requests == []


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"language": "deu"}, "language"),
        ({"language": ""}, "language"),
        ({"external_id": ""}, "external_id"),
        ({"external_id": "a/b"}, "external_id"),
        ({"external_id": "x" * 101}, "external_id"),
        ({"last_name": "a\nb"}, "last_name"),
    ],
)
def test_registration_with_a_wrong_value_sends_nothing(vendor, options, field):
    made = vendor()
    with pytest.raises(InvalidValueError) as caught:
        register(made.client, **options)
    with pytest.raises(InvalidValueError):
        made.client.check_registration("ada@example.com", **{"external_id": "member-7", **options})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@example", "ada@localhost", "ä@example.com", "a" * 100 + "@example.com", None]
)
def test_address_that_is_none_is_refused(vendor, email):
    made = vendor()
    with pytest.raises(InvalidValueError, match="email"):
        made.client.change_email(READER, email)


def test_answer_without_an_id_is_a_protocol_error(vendor):
    made = vendor(ok(201, email="ada@example.com"))
    with pytest.raises(ProtocolError, match="no customerId"):
        register(made.client, external_id=None)


def test_name_that_is_too_long_is_cut(vendor):
    made = vendor(NOT_FOUND, ok(201, customerId="56202510"))
    register(made.client, first_name="x" * 150)
    assert made.body["firstName"] == "x" * 100


# ---- changing


def test_change_email_by_the_vendors_id(vendor):
    made = vendor(ok(items=[KNOWN]))
    made.client.change_email(READER, "new@example.com")
    assert (made.line, made.body) == ("PUT /customers/56202510/email", {"email": "new@example.com"})


def test_change_email_by_the_external_id_asks_for_the_vendors_first(vendor):
    made = vendor(ok(customerId="56202510"), ok(items=[KNOWN]))
    made.client.change_email(MEMBER, "new@example.com")
    assert made.lines == ["GET /customers/customerIdByExternalSystemId/member 7-ü", "PUT /customers/56202510/email"]


def test_address_that_is_taken_is_a_conflict(vendor):
    with pytest.raises(ConflictError, match="e-mail address is taken"):
        vendor(refused(400, 20007)).client.change_email(READER, "new@example.com")


def test_id_that_no_customer_can_have_is_not_found_without_a_call(vendor):
    made = vendor()
    with pytest.raises(NotFoundError):
        made.client.change_email(CustomerRef("CRM-77"), "new@example.com")
    assert made.requests == []


def test_change_writes_back_all_that_was_read_and_may_be_sent_but_the_address(vendor):
    made = vendor(ok(**KNOWN, pseudoEmail=True), ok(**KNOWN))
    made.client.change_profile(READER, first_name="Augusta", language="EN")
    assert made.lines == ["GET /customers/56202510", "PUT /customers/56202510"]
    assert made.body == {
        "language": "en",
        "firstName": "Augusta",
        "lastName": "Reader",
        "externalSystemId": "member-7",
        "mobileNumber": "+4915112345678",
        "newThing": {"kept": True},
    }


def test_change_of_nothing_writes_nothing(vendor):
    made = vendor(ok(**KNOWN))
    made.client.change_profile(READER, first_name="Ada")
    assert made.line == "GET /customers/56202510"


def test_external_id_is_added_where_there_is_none(vendor):
    without = {name: value for name, value in KNOWN.items() if name != "externalSystemId"}
    made = vendor(ok(**without), ok(**KNOWN))
    made.client.add_external_id("56202510", "member-7")
    assert made.body["externalSystemId"] == "member-7"
    assert made.body["mobileNumber"] == "+4915112345678"


def test_external_id_that_is_there_is_not_written_again(vendor):
    made = vendor(ok(**KNOWN))
    made.client.add_external_id("56202510", "member-7")
    assert made.line == "GET /customers/56202510"


def test_other_external_id_is_a_conflict_and_not_overwritten(vendor):
    made = vendor(ok(**KNOWN))
    with pytest.raises(ConflictError, match="another external id"):
        made.client.add_external_id("56202510", "member-8")
    assert made.line == "GET /customers/56202510"


def test_external_id_of_another_customer_is_a_conflict(vendor):
    with pytest.raises(ConflictError, match="external id is taken"):
        vendor(ok(**{**KNOWN, "externalSystemId": ""}), refused(400, 20023)).client.add_external_id("56202510", "m")


def test_own_customer_id_needs_no_adding(vendor):
    made = vendor(uses_own_customer_ids=True)
    made.client.add_external_id("4711", "4711")
    assert made.requests == []


def test_own_customer_id_cannot_be_changed(vendor):
    with pytest.raises(ConflictError, match="another external id"):
        vendor(ok(**KNOWN), uses_own_customer_ids=True).client.add_external_id("56202510", "4711")


# ---- reading


def test_customer_is_read_with_what_is_new(vendor):
    customer = vendor(ok(**KNOWN)).client.read_customer(READER)
    assert (customer.customer_id, customer.email, customer.external_id) == ("56202510", "ada@example.com", "member-7")
    assert customer.status == "ACTIVATED"
    assert customer.values["newThing"] == {"kept": True}
    assert "ada" not in repr(customer)


def test_unknown_customer_is_not_found(vendor):
    with pytest.raises(NotFoundError):
        vendor(NOT_FOUND).client.check_customer(READER)


def test_customers_are_searched_by_address(vendor):
    made = vendor(ok(items=[{"customerId": "56202510", "email": "ada@example.com"}]))
    (found,) = made.client.search_by_address(postcode="10969", country="DE", last_name="Reader", street="Axel")
    assert found.customer_id == "56202510"
    assert made.query == {"useAnd": "true"}
    assert made.body == {"postcode": "10969", "country": "DE", "lastName": "Reader", "street": "Axel"}


@pytest.mark.parametrize(
    ("change", "field"),
    [({"last_name": ""}, "last_name"), ({"country": "de"}, "country"), ({"postcode": ""}, "postcode")],
)
def test_search_needs_a_name_a_country_and_a_postcode(vendor, change, field):
    with pytest.raises(InvalidValueError) as caught:
        vendor().client.search_by_address(**{"postcode": "10969", "country": "DE", "last_name": "R", **change})
    assert caught.value.field == field


# ---- additional data and access ids


def test_additional_data_are_merged(vendor):
    made = vendor(ok(customerId="56202510", data={"a": "1", "b": "2"}), ok(customerId="56202510", data={}))
    made.client.merge_additional_data(READER, {"b": None, "c": "3"})
    assert made.lines[-1] == "PUT /customers/56202510/additionalData"
    assert made.body == {"data": {"a": "1", "c": "3"}}


def test_additional_data_that_do_not_change_are_not_written(vendor):
    made = vendor(ok(customerId="56202510", data={"a": "1"}))
    made.client.merge_additional_data(READER, {"a": "1", "b": None})
    assert len(made.requests) == 1


def test_additional_data_are_empty_where_the_vendor_omits_them(vendor):
    assert vendor(ok(customerId="56202510")).client.read_additional_data(READER) == {}


@pytest.mark.parametrize("values", [{"x" * 31: "1"}, {"a": "x" * 201}, {str(n): "1" for n in range(51)}, "text"])
def test_additional_data_beyond_the_limits_are_refused(vendor, values):
    with pytest.raises(InvalidValueError):
        vendor().client.merge_additional_data(READER, values)


def test_access_ids_are_kept_by_the_site_alone(vendor):
    made = vendor()
    made.client.import_access_ids(READER, ["CRM-1", None, "B-2"])
    assert made.requests == []


def test_access_ids_are_mirrored_where_the_account_wants_it(vendor):
    kept = ok(customerId="56202510", data={"accessId2": "old", "other": "x"})
    made = vendor(kept, ok(customerId="56202510"), mirrors_access_ids=True)
    made.client.import_access_ids(READER, ["CRM-1", None, "B-2"])
    assert made.body == {"data": {"accessId2": "old", "other": "x", "accessId1": "CRM-1", "accessId3": "B-2"}}


@pytest.mark.parametrize("access_ids", ["CRM-1", [], ["a"] * 5, [" a"], [1]])
def test_access_ids_that_are_none_are_refused(vendor, access_ids):
    with pytest.raises(InvalidValueError, match="access_ids"):
        vendor(mirrors_access_ids=True).client.import_access_ids(READER, access_ids)
