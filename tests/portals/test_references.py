"""References start with the site, and a binding is never moved by itself."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from django_plenigo.errors import ConfigurationError, PortalBindingError
from django_plenigo.models import PortalAccount
from django_plenigo.services import portals
from django_plenigo.services.portals import CHANGED, OF_ANOTHER_USER, TAKEN_AWAY, UNREADABLE, USER_HAS_ANOTHER
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_reference_is_issued_once_and_is_another_for_each_reader_and_portal(harbour, user):
    issued = portals.reference_for(user, "harbour")
    assert portals.reference_for(user, "harbour") == issued
    others = {portals.reference_for(user, "quay"), portals.reference_for(UserFactory(), "harbour")}
    assert len({issued, *others}) == 3


def test_reference_tells_nothing_and_fits_every_vendor(harbour, user):
    issued = portals.reference_for(user, "harbour")
    assert len(issued) == 40
    assert issued.isalnum()
    assert issued == issued.lower()


def test_reference_finds_its_reader_at_its_portal_alone(harbour, user):
    issued = portals.reference_for(user, "harbour")
    assert portals.user_of_reference("harbour", issued) == user
    assert portals.user_of_reference("quay", issued) is None
    assert portals.user_of_reference("harbour", "") is None


def test_reference_at_a_portal_that_there_is_not_is_refused(harbour, user):
    with pytest.raises(ConfigurationError, match="PLENIGO_PORTALS has no 'harbor'"):
        portals.reference_for(user, "harbor")


def test_known_reference_costs_one_query_and_writes_nothing(harbour, user, django_assert_num_queries):
    portals.reference_for(user, "harbour")
    with django_assert_num_queries(1) as queries:
        portals.reference_for(user, "harbour")
    assert queries[0]["sql"].startswith("SELECT")


def test_reference_is_issued_to_a_reader_who_was_bound_before(harbour, bind, user):
    bind(user)
    issued = portals.reference_for(user, "harbour")
    account = portals.account_of(user, "harbour")
    assert (account.our_reference, account.reference) == (issued, "352365983")


@pytest.mark.django_db(transaction=True)
def test_readers_tabs_that_ask_at_once_get_the_same_reference(harbour, user):
    """On SQLite in memory a thread has its own database, so there the race is run by turns."""
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.skip("a database in memory belongs to one thread; see the test below")
    start, issued, errors = threading.Barrier(8), [], []

    def ask():
        start.wait()
        try:
            issued.append(portals.reference_for(user, "harbour"))
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(issued) == 8
    assert len(set(issued)) == 1
    assert PortalAccount.objects.count() == 1


def test_tab_that_comes_second_between_look_and_write_takes_what_the_first_has_issued(harbour, user):
    """The moment of the race: a row of another tab appears after this one has looked and found none."""
    faster = []

    def let_another_tab_in(execute, sql, params, many, context):
        if sql.startswith("INSERT") and not faster:
            faster.append("")
            faster[0] = portals.reference_for(user, "harbour")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(let_another_tab_in):
        issued = portals.reference_for(user, "harbour")
    assert faster == [issued]


@pytest.fixture
def repeatable_read():
    """Let this connection read what was there at its transaction's first look, as MySQL's own default is."""
    if connection.vendor != "mysql":
        pytest.skip("only MariaDB and MySQL go on with what others have written since a transaction's first look")
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'")
        if cursor.fetchone():  # where it is on, MariaDB ends such a transaction with an error
            cursor.execute("SET SESSION innodb_snapshot_isolation = OFF")
    yield
    connection.close()


def in_another_connection(work, *arguments):
    """Return what a request beside this one gets."""
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(work, *arguments).result()
        pool.submit(connections.close_all).result()
    return told


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_bound", [False, True])
def test_reference_that_another_request_has_issued_since_the_first_look_is_the_same(
    harbour, bind, user, repeatable_read, is_bound
):
    if is_bound:  # then the row was there before
        bind(user)
    with transaction.atomic():
        assert not PortalAccount.objects.exclude(our_reference=None).exists()
        faster = in_another_connection(portals.reference_for, user, "harbour")
        assert portals.reference_for(user, "harbour") == faster


# ---- binding


def code_of(bind, *arguments, **values):
    with pytest.raises(PortalBindingError) as caught:
        bind(*arguments, **values)
    assert str(arguments[1] if len(arguments) > 1 else "352365983") not in str(caught.value)
    return caught.value.code


def test_binding_tells_where_it_is_from(bind, user, admin_user):
    account = bind(user, "4711", provenance="file", bound_by=admin_user, bound_from="contacts.csv", is_external=True)
    account.refresh_from_db()
    assert (account.reference, account.is_external, account.provenance) == ("4711", True, "file")
    assert (account.bound_by, account.bound_from) == (admin_user, "contacts.csv")
    assert account.bound_at is not None
    assert account.is_bound


def test_binding_the_same_again_changes_nothing(bind, user):
    before = bind(user, provenance="webhook")
    again = bind(user, provenance="file", bound_from="later.csv")
    assert (again.pk, again.provenance, again.bound_at) == (before.pk, "webhook", before.bound_at)


@pytest.mark.parametrize("provenance", ["webhook", "file", "by_hand"])
def test_binding_is_never_moved_to_another_reference(bind, user, provenance):
    bind(user, "4711")
    assert code_of(bind, user, "4712", provenance=provenance) == USER_HAS_ANOTHER
    assert portals.account_of(user, "harbour").reference == "4711"


def test_reference_that_is_the_vendors_own_is_not_the_same_as_an_external_one(bind, user):
    bind(user, "4711")
    assert code_of(bind, user, "4711", is_external=True) == USER_HAS_ANOTHER


@pytest.mark.parametrize("replaces", [False, True])
@pytest.mark.parametrize("provenance", ["webhook", "file", "by_hand"])
def test_reference_is_never_taken_from_another_reader(bind, user, provenance, replaces):
    owner = UserFactory()
    bind(owner, "4711")
    portals.reference_for(user, "harbour")
    seen = portals.account_of(user, "harbour") if replaces else None
    assert code_of(bind, user, "4711", provenance=provenance, replaces=seen) == OF_ANOTHER_USER
    assert portals.account_of(owner, "harbour").reference == "4711"
    assert not portals.account_of(user, "harbour").is_bound


def test_same_reference_at_two_portals_is_two_customers(bind, user):
    bind(UserFactory(), "4711")
    assert bind(user, "4711", portal="quay").is_bound


def test_references_that_differ_in_case_alone_are_two_customers(bind, user):
    bind(UserFactory(), "AbC")
    assert bind(user, "abc").reference == "abc"


def test_agent_replaces_a_reference_by_hand(bind, user, admin_user):
    bind(user, "4711")
    account = bind(user, "4712", provenance="by_hand", bound_by=admin_user, replaces=PortalAccount.objects.get())
    assert (account.reference, account.provenance, account.bound_by) == ("4712", "by_hand", admin_user)


def test_agent_replaces_no_reference_that_she_has_not_seen(bind, user):
    portals.reference_for(user, "harbour")
    seen = portals.account_of(user, "harbour")
    bind(user, "4711")
    assert code_of(bind, user, "4712", provenance="by_hand", replaces=seen) == CHANGED
    with pytest.raises(PortalBindingError, match="has been changed meanwhile"):
        portals.take_away(seen)
    assert portals.account_of(user, "harbour").reference == "4711"


def test_what_an_agent_has_taken_away_only_an_agent_gives_back(bind, user):
    assert portals.take_away(bind(user, "4711"))
    for provenance in ("webhook", "file"):
        assert code_of(bind, user, "4711", provenance=provenance) == TAKEN_AWAY
    assert not portals.account_of(user, "harbour").is_bound
    assert bind(user, "4711", provenance="by_hand").is_bound


def test_nothing_is_taken_away_twice(bind, user):
    account = bind(user)
    assert [portals.take_away(account), portals.take_away(account)] == [True, False]


@pytest.mark.parametrize("reference", ["", " 4711", "4711\n", "4711\x00", "x" * 251, 4711, None])
def test_what_is_no_reference_is_refused_before_anything_is_written(harbour, user, reference):
    with pytest.raises(PortalBindingError) as caught:
        portals.bind(user, "harbour", reference, provenance="file")
    assert caught.value.code == UNREADABLE
    assert not PortalAccount.objects.exists()


# ---- what a vendor can know nobody by


@pytest.fixture
def vendors(settings):
    """The vendors' portals; who judges a reference needs none of their other settings."""
    folder = "django_plenigo.protocols"
    settings.PLENIGO_PORTALS = {
        "okepay": {"BACKEND": f"{folder}.okepay.OkePay"},
        "2checkout": {"BACKEND": f"{folder}.twocheckout.TwoCheckout"},
    }


def test_reader_is_not_bound_to_anothers_contact_by_zeros_in_front(vendors, user):
    portals.bind(UserFactory(), "okepay", "1", provenance="by_hand")
    with pytest.raises(PortalBindingError) as caught:
        portals.bind(user, "okepay", "01", provenance="by_hand")
    assert (caught.value.code, "without zeros in front" in caught.value.problem) == (UNREADABLE, True)
    assert portals.account_of(user, "okepay") is None


@pytest.mark.parametrize(
    ("portal", "reference", "is_external", "problem"),
    [
        ("okepay", "0", False, "a number from 1 to 2147483647"),
        ("okepay", "2147483648", False, "a number from 1 to 2147483647"),
        ("okepay", "c0ffee00", False, "a number from 1 to 2147483647"),
        ("okepay", "٣", False, "a number from 1 to 2147483647"),
        ("okepay", "4711", True, "knows nobody by a reference of yours"),
        ("2checkout", "ext-352365983", False, "1 to 10 digits"),
        ("2checkout", "0352365983", False, "1 to 10 digits"),
        ("2checkout", "12345678901", False, "1 to 10 digits"),
    ],
)
def test_reference_that_the_vendor_cannot_have_is_refused_with_what_it_must_be(
    vendors, user, portal, reference, is_external, problem
):
    for provenance in ("webhook", "file", "by_hand"):
        with pytest.raises(PortalBindingError, match=problem) as caught:
            portals.bind(user, portal, reference, provenance=provenance, is_external=is_external)
        assert caught.value.code == UNREADABLE
    obstacle = portals.find_obstacle(user, portal, reference, is_external=is_external)
    assert (obstacle.code, obstacle.problem) == (UNREADABLE, caught.value.problem)
    assert not PortalAccount.objects.exists()


@pytest.mark.parametrize(
    ("portal", "reference", "is_external"),
    [
        ("okepay", "1", False),
        ("okepay", "2147483647", False),
        ("2checkout", "352365983", False),
        ("2checkout", "0007 ü", True),
        ("2checkout", "x" * 250, True),
    ],
)
def test_reference_that_the_vendor_can_have_is_bound(vendors, user, portal, reference, is_external):
    assert portals.find_obstacle(user, portal, reference, is_external=is_external) is None
    assert portals.bind(user, portal, reference, provenance="file", is_external=is_external).is_bound


@pytest.mark.parametrize("is_external", [False, True])
def test_portal_of_a_sites_own_that_says_nothing_of_it_knows_readers_by_any_text(bind, user, is_external):
    bind(UserFactory(), "1", is_external=is_external)
    assert bind(user, "01", is_external=is_external).reference == "01"


def test_nobody_is_bound_at_a_portal_whose_class_is_missing(settings, user):
    settings.PLENIGO_PORTALS = {"harbour": {"BACKEND": "mysite.missing.Portal", "MODE": "live"}}
    with pytest.raises(ConfigurationError, match=r"PLENIGO_PORTALS\['harbour'\]\['BACKEND'\] cannot be imported"):
        portals.bind(user, "harbour", "4711", provenance="by_hand")
    assert not PortalAccount.objects.exists()


# ---- at the same time, and by many


def test_two_deliveries_that_bind_at_once_end_with_the_first(bind, user):
    """The moment of the race: another delivery binds the reader after this one has looked and found her free."""
    faster = []

    def let_another_in(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and not faster:
            faster.append(True)
            bind(user, "4711")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(let_another_in):
        assert code_of(bind, user, "4712") == USER_HAS_ANOTHER
    assert portals.account_of(user, "harbour").reference == "4711"


def test_accounts_of_a_reader_cost_one_query_however_many_there_are(bind, user, django_assert_num_queries):
    bind(user, "1")
    bind(user, "2", portal="quay")
    with django_assert_num_queries(1):
        found = portals.accounts_of(user)
    assert {portal: account.reference for portal, account in found.items()} == {"harbour": "1", "quay": "2"}


def test_account_at_a_portal_that_has_left_the_settings_is_not_shown(bind, user, settings):
    bind(user, "1")
    settings.PLENIGO_PORTALS = {"quay": settings.PLENIGO_PORTALS["quay"]}
    assert portals.accounts_of(user) == {}


def test_agent_who_binds_and_takes_away_while_a_delivery_is_worked_on_has_the_last_word(bind, user, admin_user):
    """The moment of the race: between look and write the row becomes unbound again, but by an agent's hand."""
    portals.reference_for(user, "harbour")
    agent = []

    def let_an_agent_in(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and not agent:
            agent.append(admin_user)
            portals.take_away(bind(user, "4711", provenance="by_hand", bound_by=admin_user), taken_by=admin_user)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(let_an_agent_in):
        code_of(bind, user, "4711")
    account = portals.account_of(user, "harbour")
    assert portals.is_taken_away(account)
    assert account.bound_by == admin_user
