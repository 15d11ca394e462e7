"""One search box finds a link by whatever an agent has at hand, and stays fast."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_plenigo.admin.lists import MOST_COUNTED
from django_plenigo.models import AccessId, CustomerLink
from django_plenigo.services import access_ids, search
from tests.admin.conftest import text_of
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db

LINKS = "/admin/plenigo/customerlink/"
CHANGES = "/admin/plenigo/remotechange/"


@pytest.fixture
def wanted():
    """A link with everything that is searched for."""
    user = UserFactory(username="mmoss", first_name="Maria", last_name="Moss", email="now@example.com")
    link = LinkFactory(user=user, customer_id="MAP27KCA3K2P", external_id="4711-a", confirmed_email="Moss@Example.com")
    access_ids.import_access_ids(link, ["CRM-99", None, "BILL-1"])
    return link


@pytest.fixture
def other():
    """A link that nobody means."""
    user = UserFactory(username="other", first_name="Otto", last_name="Other", email="other@example.com")
    return LinkFactory(user=user, customer_id="OTHER", external_id="0815")


def found(client, term, **query):
    response = client.get(LINKS, {"q": term, **query})
    assert response.status_code == 200
    return [link.pk for link in response.context["cl"].result_list]


@pytest.mark.parametrize(
    "term",
    [
        *("moss@example.com", "MOSS@EXAMPLE.COM", "Moss@Ex", "  moss@example.com "),
        *("MAP27KCA3K2P", "MAP27", "4711-a", "4711", "CRM-99", "CRM", "BILL-1"),
        *("Maria", "moss", "Maria Moss", "mmoss", "now@example.com"),
    ],
)
def test_link_is_found_by_the_beginning_of_addresses_and_ids_and_by_name(admin_client, wanted, other, term):
    assert found(admin_client, term) == [wanted.pk]


@pytest.mark.parametrize("term", ["nobody", "27KCA", "%", "_", "' OR 1=1 --", "x" * 300, "\x00"])
def test_what_is_nobodys_finds_nobody(admin_client, wanted, other, term):
    # A term that no search can take is told as an error, and shows the list as it is.
    expected = [other.pk, wanted.pk] if term == "\x00" else []
    assert found(admin_client, term) == expected


def test_search_for_nothing_shows_all_newest_first(admin_client, wanted, other):
    assert found(admin_client, "   ") == [other.pk, wanted.pk]


def test_changes_are_found_by_the_same_words(admin_client, wanted, other):
    response = admin_client.get(CHANGES, {"q": "CRM-99"})
    assert {change.link_id for change in response.context["cl"].result_list} == {wanted.pk}


def test_an_id_is_not_taken_for_a_name_unless_the_agent_asks(admin_client, wanted):
    namesake = LinkFactory(user=UserFactory(last_name="CRM-99"))
    page = admin_client.get(LINKS, {"q": "CRM-99"})
    assert [link.pk for link in page.context["cl"].result_list] == [wanted.pk]
    assert "names were not searched" in text_of(page)
    assert found(admin_client, "CRM-99", users="1") == [namesake.pk, wanted.pk]


def test_letters_that_begin_an_id_are_searched_among_names_too(admin_client, wanted):
    namesake = LinkFactory(user=UserFactory(last_name="Crmic"))
    assert found(admin_client, "CRM") == [namesake.pk, wanted.pk]


def test_digits_that_begin_an_id_are_not_taken_for_a_name(admin_client, wanted):
    LinkFactory(user=UserFactory(last_name="4711"))
    assert found(admin_client, "471") == [wanted.pk]


def test_address_that_plenigo_does_not_know_yet_is_found_by_the_user(admin_client, wanted, other):
    assert found(admin_client, "now@") == [wanted.pk]


def test_agent_who_may_not_see_users_does_not_search_them(agent_who_may, wanted):
    agent = agent_who_may(looking=("view_customerlink",))
    assert found(agent, "Maria") == []
    assert found(agent, "MAP27") == [wanted.pk]


def test_users_without_a_link_do_not_crowd_out_those_with_one(admin_client, wanted):
    users = [UserFactory.build(username=f"moss{number}", first_name="Maria") for number in range(150)]
    get_user_model().objects.bulk_create(users)
    assert found(admin_client, "Maria") == [wanted.pk]


def test_search_that_finds_more_than_it_shows_says_so(admin_client):
    for number in range(search.MOST_OF_A_KIND + 1):
        LinkFactory(customer_id=f"MANY{number:04}")
    page = admin_client.get(LINKS, {"q": "MANY"})
    assert len(page.context["cl"].result_list) == search.MOST_OF_A_KIND
    assert "There are more than are shown here" in text_of(page)


def test_search_within_an_account_is_not_crowded_out_by_another(admin_client, settings):
    settings.PLENIGO = {**settings.PLENIGO, "weekly": {"API": "v2", "MODE": "sandbox", "DELIVERY": ""}}
    for number in range(search.MOST_OF_A_KIND + 1):
        LinkFactory(customer_id=f"MANY{number:04}")
    weekly = LinkFactory(customer_id="MANY", account="weekly")
    assert found(admin_client, "MANY", account="weekly") == [weekly.pk]


def bulk_links(count):
    first = 1 + (get_user_model().objects.order_by("-pk").values_list("pk", flat=True).first() or 0)
    numbers = range(first, first + count)
    get_user_model().objects.bulk_create(
        get_user_model()(pk=number, username=f"bulk{number}", email=f"bulk{number}@example.com") for number in numbers
    )
    CustomerLink.objects.bulk_create(
        CustomerLink(user_id=number, customer_id=f"BULK{number}", confirmed_email=f"bulk{number}@example.com")
        for number in numbers
    )


def test_list_counts_up_to_a_bound_and_says_that_there_are_more(admin_client):
    bulk_links(MOST_COUNTED + 1)
    page = admin_client.get(LINKS)
    assert page.context["cl"].result_count == MOST_COUNTED
    assert "There are more than 10000" in text_of(page)
    assert admin_client.get(LINKS, {"p": MOST_COUNTED // 100}).status_code == 200


def statements_of(client, address, query):
    """Return what a page asks the database."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address, query).status_code == 200
    return [query["sql"] for query in queries.captured_queries]


@pytest.mark.parametrize("address", [LINKS, CHANGES])
@pytest.mark.parametrize("query", [{}, {"account": "default"}, {"q": "BULK"}])
def test_database_counts_no_further_than_the_bound(admin_client, address, query):
    bulk_links(1)
    counts = [sql for sql in statements_of(admin_client, address, query) if "COUNT(*)" in sql]
    assert counts
    for sql in counts:
        assert f"LIMIT {MOST_COUNTED + 1}" in sql


def test_database_returns_no_more_users_of_a_name_than_the_bound(admin_client, wanted):
    users = get_user_model()._meta.db_table
    statements = statements_of(admin_client, LINKS, {"q": "Maria"})
    (by_name,) = [sql for sql in statements if "LIKE" in sql and f"FROM {connection.ops.quote_name(users)}" in sql]
    assert by_name.endswith(f"LIMIT {search.MOST_OF_A_KIND + 1}")


@pytest.mark.parametrize("query", [{}, {"q": "BULK"}, {"q": "bulk@example.com"}, {"account": "default"}])
def test_list_of_links_needs_as_many_queries_for_many_as_for_one(
    admin_client, django_assert_num_queries, django_assert_max_num_queries, query
):
    bulk_links(1)
    with django_assert_max_num_queries(20) as of_one:
        admin_client.get(LINKS, query)
    bulk_links(150)
    with django_assert_num_queries(len(of_one)):
        admin_client.get(LINKS, query)


def explain(rows):
    """How the database would look for these rows in a large table."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # a table of a few rows is read as a whole otherwise
    return rows.order_by().explain()


@pytest.mark.parametrize(
    ("field", "index"),
    [
        ("customer_id", "plenigo_link_customer_prefix"),
        ("external_id", "plenigo_link_external_prefix"),
        ("email_key", "plenigo_link_email_prefix"),
        ("access_ids__value", "plenigo_access_id_prefix"),
    ],
)
def test_beginnings_and_whole_values_are_looked_for_by_an_index(wanted, field, index):
    bulk_links(100)
    numbers = CustomerLink.objects.exclude(pk=wanted.pk).values_list("pk", flat=True)
    AccessId.objects.bulk_create(
        AccessId(link_id=pk, slot=1, value=f"ID{pk}", imported_at=timezone.now()) for pk in numbers
    )
    assert index in explain(search.beginning_with(CustomerLink.objects.all(), field, "MAP27"))
    assert index in explain(CustomerLink.objects.filter(**{field: "MAP27"}))


def test_many_access_ids_of_few_customers_are_no_more_than_these(admin_client):
    links = [LinkFactory() for _ in range(search.MOST_OF_A_KIND)]
    AccessId.objects.bulk_create(
        AccessId(link=link, slot=slot, value=f"MANY-{link.pk}-{slot}", imported_at=timezone.now())
        for link in links
        for slot in (1, 2, 3, 4)
    )
    page = admin_client.get(LINKS, {"q": "MANY"})
    assert len(page.context["cl"].result_list) == search.MOST_OF_A_KIND
    assert "There are more than are shown here" not in text_of(page)


@pytest.mark.parametrize("term", ["map27", "crm"])
def test_id_is_looked_for_with_its_capital_letters(admin_client, wanted, other, term):
    assert found(admin_client, term) == []
