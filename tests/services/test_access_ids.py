"""Access ids of one customer: what is taken, what is refused, what plenigo is told, and by whom a customer is found."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_plenigo import backends, conf
from django_plenigo.backends import access_registry
from django_plenigo.errors import AccessImportError, InvalidValueError, PlenigoError
from django_plenigo.models import AccessId, CustomerLink, RemoteChange
from django_plenigo.protocols.base import CustomerRef
from django_plenigo.sandbox import customer_sessions
from django_plenigo.services import access, access_ids, checkout, customers, drift, sending, support
from django_plenigo.services.access_ids import import_access_ids
from tests.factories import LinkFactory, UserFactory
from tests.told import access_ids_told_of, id_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(db):
    """A customer with both ids."""
    return LinkFactory(customer_id="CUSTOMERONE", external_id="ext-1")


def kept(link):
    return access_ids.values_of(CustomerLink.objects.get(pk=link.pk))


def changes():
    return list(RemoteChange.objects.filter(kind="assign_access_ids").values_list("link", "noted"))


# ---- what is taken -----------------------------------------------------------------------------------------------


def test_ids_are_kept_by_position_with_who_when_and_from_where(link):
    agent, began = UserFactory(), timezone.now()
    assigned = import_access_ids(link, ["crm-1", "bill-1"], imported_by=agent, imported_from="support desk")
    assert (assigned.link, assigned.changed_slots) == (link, (1, 2))
    assert kept(link) == ["crm-1", "bill-1", None, None]
    access_id = AccessId.objects.get(slot=2)
    assert (access_id.imported_by, access_id.imported_from, access_id.account) == (agent, "support desk", "default")
    assert access_id.imported_at >= began
    assert changes() == [(link.pk, 1)]


def test_four_ids_fill_the_four_slots_and_blanks_around_them_go(link):
    import_access_ids(link, [" a ", "b\t", "\nc", "d"])
    assert kept(link) == ["a", "b", "c", "d"]


def test_none_leaves_a_slot_as_it_is(link):
    import_access_ids(link, ["a", "b"])
    import_access_ids(link, [None, "B", None])
    assert kept(link) == ["a", "B", None, None]


def test_same_ids_again_write_nothing_and_note_nothing(link, django_assert_num_queries):
    import_access_ids(link, ["a", "b"])
    with django_assert_num_queries(2):
        assert import_access_ids(link, ["a", "b"]).changed_slots == ()
    assert changes() == [(link.pk, 1)]


def test_two_ids_of_a_customer_change_places(link):
    import_access_ids(link, ["a", "b"])
    assert import_access_ids(link, ["b", "a"]).changed_slots == (1, 2)
    assert kept(link) == ["b", "a", None, None]


def test_number_of_queries_does_not_grow_with_the_ids(link, django_assert_num_queries):
    other = LinkFactory()
    with CaptureQueriesContext(connection) as one:
        import_access_ids(link, ["a"])
    with django_assert_num_queries(len(one)):
        import_access_ids(other, ["b", "c", "d", "e"])


@pytest.mark.parametrize(
    "named",
    [
        lambda link: link.user,
        lambda link: link,
        lambda link: link.customer_id,
        lambda link: link.external_id,
        lambda link: CustomerRef(link.customer_id),
        lambda link: CustomerRef(link.external_id, is_external=True),
        lambda link: "known-access-id",
    ],
    ids=["user", "link", "customer id", "external id", "reference", "external reference", "access id"],
)
def test_customer_may_be_named_in_every_way(link, named):
    import_access_ids(link, [None, "known-access-id"])
    import_access_ids(named(link), ["new"])
    assert kept(link) == ["new", "known-access-id", None, None]


def test_values_that_differ_in_case_or_accent_alone_are_two(link):
    import_access_ids(link, ["Straße", "strasse", "STRASSE", "e\u0301"])
    import_access_ids(LinkFactory(), ["é"])
    assert AccessId.objects.count() == 5


# ---- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "field", "slot", "code"),
    [
        ("12345", "ids", None, "no_list"),
        (b"12345", "ids", None, "no_list"),
        (iter("12"), "ids", None, "no_list"),
        (None, "ids", None, "no_list"),
        ([], "ids", None, "count"),
        ([None, None], "ids", None, "count"),
        (list("abcde"), "ids", None, "count"),
        (["a", 12345], "access_id_2", 2, "no_text"),
        (["a", ""], "access_id_2", 2, "blank"),
        ([" \t"], "access_id_1", 1, "blank"),
        (["x" * 101], "access_id_1", 1, "too_long"),
        (["a\x00b"], "access_id_1", 1, "unprintable"),
        (["a\nb"], "access_id_1", 1, "unprintable"),
        (["a\u200bb"], "access_id_1", 1, "unprintable"),
        (["a\u00a0b"], "access_id_1", 1, "unprintable"),
        (["a\ud800"], "access_id_1", 1, "unprintable"),
        (["a", None, " a"], "access_id_3", 3, "repeated"),
    ],
)
def test_wrong_ids_are_refused_with_place_and_reason_and_nothing_is_written(link, ids, field, slot, code):
    with pytest.raises(AccessImportError) as caught:
        import_access_ids(link, ids)
    assert (caught.value.field, caught.value.slot, caught.value.code) == (field, slot, code)
    assert isinstance(caught.value, ValueError)
    assert not AccessId.objects.exists()
    assert changes() == []


def test_longest_id_is_taken(link):
    import_access_ids(link, ["x" * 100])
    assert kept(link)[0] == "x" * 100


@pytest.mark.parametrize("slot", [1, 2, 3, 4])
def test_id_of_another_customer_is_refused_whatever_the_slot_and_the_text_does_not_repeat_it(link, slot):
    import_access_ids(LinkFactory(), [None, "taken-value"])
    with pytest.raises(AccessImportError) as caught:
        import_access_ids(link, ["free"] + [None] * (slot - 1) + ["taken-value"] if slot < 4 else ["taken-value"])
    assert caught.value.code == "taken"
    assert "taken-value" not in str(caught.value)
    assert kept(link) == [None] * 4


def test_id_of_another_account_is_free(link):
    import_access_ids(link, ["a"])
    other = LinkFactory(account="brand")
    import_access_ids(other, ["a"])
    assert kept(other)[0] == "a"


def test_id_in_another_slot_of_the_same_customer_is_refused(link):
    import_access_ids(link, ["a", "b"])
    with pytest.raises(AccessImportError) as caught:
        import_access_ids(link, ["b"])
    assert (caught.value.code, caught.value.slot) == ("other_slot", 1)
    assert kept(link) == ["a", "b", None, None]


@pytest.mark.parametrize("make", [UserFactory, AnonymousUser], ids=["user", "visitor"])
def test_user_who_is_no_customer_is_told_with_what_to_do(db, make):
    with pytest.raises(AccessImportError, match="register the user first") as caught:
        import_access_ids(make(), ["a"])
    assert (caught.value.field, caught.value.code) == ("customer", "not_registered")


def test_link_that_is_not_registered_is_told(db):
    with pytest.raises(AccessImportError, match="register the user first"):
        import_access_ids(LinkFactory(customer_id=None), ["a"])


@pytest.mark.parametrize("customer", ["nobody", CustomerRef("nobody"), CustomerRef("CUSTOMERONE", is_external=True)])
def test_id_of_nobody_is_told(link, customer):
    with pytest.raises(AccessImportError) as caught:
        import_access_ids(customer, ["a"])
    assert caught.value.code == "no_customer"


def test_what_is_no_customer_at_all_is_told(db):
    with pytest.raises(AccessImportError) as caught:
        import_access_ids(4711, ["a"])
    assert (caught.value.field, caught.value.code) == ("customer", "customer")


def test_transaction_of_the_caller_survives_a_refusal(link):
    import_access_ids(LinkFactory(), ["taken"])
    with transaction.atomic():
        with pytest.raises(AccessImportError):
            import_access_ids(link, ["taken"])
        import_access_ids(link, ["free"])
    assert kept(link)[0] == "free"


def test_import_that_is_rolled_back_notes_nothing(link):
    with transaction.atomic():
        import_access_ids(link, ["a"])
        transaction.set_rollback(True)
    assert (kept(link)[0], changes()) == (None, [])


def test_id_that_another_import_has_just_taken_is_refused_by_the_constraint_and_told(link):
    other, is_done = LinkFactory(), []

    def take_first(execute, sql, parameters, many, context):
        result = execute(sql, parameters, many, context)
        if sql.startswith("SELECT") and "plenigo_accessid" in sql and "IN" in sql and not is_done:
            is_done.append(True)
            import_access_ids(other, [None, "a"])
        return result

    with connection.execute_wrapper(take_first), pytest.raises(AccessImportError) as caught:
        import_access_ids(link, ["a"])
    assert caught.value.code == "taken"
    assert (kept(link), kept(other)) == ([None] * 4, [None, "a", None, None])


# ---- whose id is it? ---------------------------------------------------------------------------------------------


def test_id_of_two_customers_is_nobodys_until_it_is_said_whose(link):
    other = LinkFactory(external_id="4711")
    import_access_ids(link, ["4711"])
    with pytest.raises(InvalidValueError, match="several customers"):
        customers.find_link("4711")
    assert customers.find_link(CustomerRef("4711")) == link
    assert customers.find_link(CustomerRef("4711", is_external=True)) == other


def test_id_that_is_two_of_the_same_customer_finds_her(link):
    import_access_ids(link, [link.external_id])
    assert customers.find_link(link.external_id) == link


def test_customer_is_found_in_two_queries_with_her_user(link, django_assert_num_queries):
    import_access_ids(link, ["crm-1"])
    with django_assert_num_queries(2):
        assert customers.find_link("crm-1").user == link.user
    with django_assert_num_queries(1):
        assert customers.find_link(CustomerRef("ext-1", is_external=True)).user == link.user


def test_link_of_another_account_is_told(link):
    with pytest.raises(InvalidValueError) as caught:
        customers.find_link(link, using="brand")
    assert caught.value.field == "using"


EVERY_NAME = pytest.mark.parametrize(
    "named",
    [
        lambda reader, link: reader,
        lambda reader, link: link,
        lambda reader, link: link.customer_id,
        lambda reader, link: link.external_id,
        lambda reader, link: CustomerRef(link.external_id, is_external=True),
        lambda reader, link: "crm-1",
        lambda reader, link: CustomerRef("crm-1"),
    ],
    ids=["user", "link", "customer id", "external id", "external reference", "access id", "access id as reference"],
)


@pytest.fixture
def told_reader(sandbox, reader):
    """A customer who has bought something, with an access id that plenigo knows."""
    import_access_ids(reader, ["crm-1"])
    sending.deliver_due()
    sandbox.buy(CustomerLink.objects.get(user=reader).customer_id, "DAYPASS")
    sandbox.calls.clear()
    return reader


@EVERY_NAME
def test_every_id_of_a_customer_says_what_she_has_bought(told_reader, named):
    customer = named(told_reader, CustomerLink.objects.get(user=told_reader))
    assert access.has_bought(customer, ["DAYPASS", "MONTHLY"]) == {"DAYPASS": True, "MONTHLY": False}
    assert access.check_access(customer, ["MONTHLY", "DAYPASS"]) is access.Access.BOUGHT


def let_in_by(login, sandbox):
    """Return the customer whom a page of the vendor's takes somebody with a login pass to be."""
    if conf.Account().generation == "v2":
        return sandbox.consume_login_token(login.value)
    return customer_sessions.redeem_transfer_token(sandbox.company, login.value).customer


@EVERY_NAME
def test_every_id_of_a_customer_logs_her_in(sandbox, told_reader, named):
    link = CustomerLink.objects.get(user=told_reader)
    login = checkout.mint_login(named(told_reader, link))
    assert id_of(let_in_by(login, sandbox)) == link.customer_id


def test_answer_that_is_kept_of_a_reader_is_kept_for_all_her_ids(sandbox, told_reader):
    link = CustomerLink.objects.get(user=told_reader)
    for customer in (told_reader, link, link.external_id, "crm-1"):
        assert access.check_access(customer, ["DAYPASS"]) is access.Access.BOUGHT
    assert len(sandbox.calls) == 1


def test_id_that_only_plenigo_knows_is_asked_about_there(sandbox):
    customer = sandbox.create_customer()
    sandbox.buy(customer, "DAYPASS")
    assert access.check_access(id_of(customer), ["DAYPASS"]) is access.Access.BOUGHT
    assert access.check_access(id_of(customer), ["MONTHLY"]) is access.Access.NOT_BOUGHT
    assert access.has_bought(id_of(customer), ["DAYPASS"]) == {"DAYPASS": True}


@pytest.mark.parametrize(
    ("policy", "expected"), [("last_known", access.Access.UNKNOWN), ("open", access.Access.BOUGHT)]
)
def test_outage_is_no_no_for_an_id_either(sandbox, settings, policy, expected):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "ON_OUTAGE": policy}}
    sandbox.fail_next(status=500, times=10)
    assert access.check_access("471147114", ["DAYPASS"]) is expected  # which either API may know


def test_link_that_is_not_registered_has_bought_nothing(sandbox):
    assert access.check_access(LinkFactory(customer_id=None), ["DAYPASS"]) is access.Access.NOT_BOUGHT
    assert sandbox.calls == []


@pytest.mark.parametrize("customer", ["nobody", CustomerRef("nobody")])
def test_nobody_is_logged_in_by_an_id_of_nobody(sandbox, customer):
    with pytest.raises(InvalidValueError) as caught:
        checkout.mint_login(customer)
    assert caught.value.field == "customer"
    assert sandbox.calls == []


# ---- what plenigo is told ----------------------------------------------------------------------------------------


def test_ids_reach_plenigo_and_open_what_the_customer_has_bought(sandbox, reader):
    import_access_ids(reader, ["crm-1", None, "shop-1"])
    assert sending.deliver_due().delivered == 1
    link = CustomerLink.objects.get(user=reader)
    assert access_ids_told_of(sandbox.customer(link.customer_id)) == {1: "crm-1", 3: "shop-1"}
    sandbox.buy(link.customer_id, "DAYPASS")
    assert access.has_bought("shop-1", ["DAYPASS"]) == {"DAYPASS": True}


@pytest.mark.api_v2
def test_id_that_plenigo_knows_as_anothers_is_a_refused_change_with_its_reason(sandbox, reader):
    other = sandbox.create_customer(email="other@example.com")
    access_registry().import_access_ids(CustomerRef(other.customer_id), ["crm-1"])
    import_access_ids(reader, ["crm-1"])
    assert sending.deliver_due().refused == 1
    change = RemoteChange.objects.get(kind="assign_access_ids")
    assert change.is_refused
    assert "HTTP 409" in change.last_error
    assert "crm-1" not in change.last_error


@pytest.fixture
def told_none(settings, sandbox):
    """A site on API v3 that keeps access ids to itself."""
    settings.PLENIGO = {"default": {"API": "v3", "MODE": "sandbox", "DELIVERY": ""}}


def told_at_plenigo(reader):
    """Return what API v3 knows of the access ids of a reader."""
    customer = customers.customer_of(CustomerLink.objects.get(user=reader))
    return backends.additional_data_keeper().read_additional_data(customer)


def switch_telling_on(settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "MIRROR_ACCESS_IDS": True}}


def test_ids_that_plenigo_is_not_told_are_not_noted_either(told_none, sandbox, reader):
    import_access_ids(reader, ["crm-1"])
    support.send_again([CustomerLink.objects.get(user=reader)])
    assert not RemoteChange.objects.filter(kind="assign_access_ids").exists()
    sending.deliver_due()
    assert told_at_plenigo(reader) == {}
    assert drift.count_drift()[drift.DriftState.UNNOTICED] == 0


def test_ids_that_were_kept_here_alone_are_told_once_the_site_wants_that(told_none, sandbox, reader, settings):
    import_access_ids(reader, ["crm-1", None, "shop-1"])
    switch_telling_on(settings)
    assert [found.kind for found in drift.find_drift()] == ["assign_access_ids"]
    assert drift.note_drift() == 1
    assert drift.note_drift() == 0
    assert sending.deliver_due().delivered == 1
    assert told_at_plenigo(reader) == {"accessId1": "crm-1", "accessId3": "shop-1"}
    assert list(drift.find_drift()) == []


def test_id_that_has_changed_while_plenigo_was_told_none_is_told_later(told_none, sandbox, reader, settings):
    quiet = settings.PLENIGO
    switch_telling_on(settings)
    import_access_ids(reader, ["crm-1"])
    sending.deliver_due()
    settings.PLENIGO = quiet
    import_access_ids(reader, ["crm-2"])
    switch_telling_on(settings)
    assert drift.note_drift() == 1
    sending.deliver_due()
    assert told_at_plenigo(reader) == {"accessId1": "crm-2"}


def test_note_that_waits_when_the_telling_is_switched_off_is_not_taken_for_told(told_none, sandbox, reader, settings):
    quiet = settings.PLENIGO
    switch_telling_on(settings)
    import_access_ids(reader, ["crm-1"])
    settings.PLENIGO = quiet
    sending.deliver_due()
    assert not RemoteChange.objects.filter(kind="assign_access_ids").exists()
    switch_telling_on(settings)
    assert drift.note_drift() == 1


def test_what_api_v2_was_told_is_told_to_api_v3_when_the_site_wants_that(sandbox, user, settings):
    settings.PLENIGO = {"default": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    import_access_ids(customers.register(user), ["crm-1"])
    sending.deliver_due()
    settings.PLENIGO = {"default": {"API": "v3", "MODE": "sandbox", "DELIVERY": ""}}
    drift.note_drift()
    switch_telling_on(settings)
    assert drift.note_drift() == 1
    sending.deliver_due()
    assert told_at_plenigo(user) == {"accessId1": "crm-1"}


def test_error_shows_no_id(link):
    with pytest.raises(PlenigoError) as caught:
        import_access_ids(link, ["secret\x00"])
    assert "secret" not in repr(caught.value)
    assert caught.value.__traceback__.tb_next.tb_next is None  # no frame of ours, whose locals hold it


def test_ids_that_differ_in_capitals_alone_are_of_two_customers_at_plenigo_too(sandbox):
    for value in ("CRM-1", "crm-1"):
        import_access_ids(customers.register(UserFactory()), [value])
    assert sending.deliver_due().refused == 0
    told = [access_ids_told_of(customer) for customer in sandbox.customers()]
    assert told == [{1: "CRM-1"}, {1: "crm-1"}]
