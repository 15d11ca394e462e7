"""`manage.py plenigo_migrate_v3`, against a sandbox that is the same company to both APIs."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from django_plenigo.backends import additional_data_keeper, customer_finder
from django_plenigo.errors import ConflictError, InvalidValueError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.sandbox.seed import DAY_PASS
from django_plenigo.services import customers, sending, sessions, support
from django_plenigo.services.access import Access, check_access, has_access
from django_plenigo.services.access_ids import import_access_ids
from django_plenigo.services.drift import find_drift
from tests.factories import UserFactory

V2, V3 = ({"API": name, "MODE": "sandbox", "DELIVERY": ""} for name in ("v2", "v3"))


def run(*arguments):
    """Run the command and return its exit code and what it printed."""
    out = io.StringIO()
    try:
        call_command("plenigo_migrate_v3", *arguments, stdout=out, stderr=out)
    except SystemExit as exit_:
        return exit_.code, out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def links(sandbox, settings):
    """Three readers of a site that speaks API v2."""
    settings.PLENIGO = {"default": V2, "next": V3}
    users = UserFactory.create_batch(3)
    made = [customers.register(user) for user in users]
    sandbox.calls.clear()
    return made


@pytest.fixture
def switch(settings):
    """Deploy the site with API v3."""

    def deploy():
        settings.PLENIGO = {"default": V3}

    return deploy


def ids():
    return list(CustomerLink.objects.order_by("pk").values_list("customer_id", flat=True))


def test_links_are_looked_up_before_the_move_and_nothing_is_written(links):
    before = ids()
    code, text = run("--using", "next", "--links-of", "default")
    assert code == 0
    assert "3 would be given another id" in text
    assert "Nothing was written" in text
    assert ids() == before


def test_links_are_given_the_ids_of_v3(links, sandbox, switch):
    switch()
    code, text = run("--apply")
    assert code == 0
    assert "3 were given the customer id of API v3" in text
    assert ids() == [customer.number for customer in sandbox.customers()]
    for link in CustomerLink.objects.all():
        customer_finder().check_customer(customers.customer_of(link))


def test_access_ids_of_who_is_moved_are_noted_for_the_api_that_has_not_heard_of_them(links, switch, settings):
    import_access_ids(links[0], ["crm-1"])
    sending.deliver_due()
    switch()
    settings.PLENIGO = {"default": {**V3, "MIRROR_ACCESS_IDS": True}}
    run("--apply")
    assert sending.deliver_due().delivered == 1
    keeper = additional_data_keeper()
    link = CustomerLink.objects.get(pk=links[0].pk)
    assert keeper.read_additional_data(customers.customer_of(link)) == {"accessId1": "crm-1"}


def test_second_run_has_nothing_left_to_do(links, switch):
    switch()
    run("--apply")
    code, text = run("--apply")
    assert (code, "3 have the customer id of API v3" in text) == (0, True)


def test_nobody_is_locked_out_between_the_switch_and_the_move(links, sandbox, switch):
    for customer in sandbox.customers():
        sandbox.buy(customer, DAY_PASS)
    right_id = sandbox.company.products.get(product_id=DAY_PASS).access_right_id
    switch()
    assert all(check_access(link.user, [right_id]) is Access.BOUGHT for link in links)


def test_whoever_cannot_be_moved_is_named_by_keys_alone(links, sandbox, switch):
    unknown, nameless, _ = links
    CustomerLink.objects.filter(pk=unknown.pk).update(external_id="somebody")
    CustomerLink.objects.filter(pk=nameless.pk).update(external_id=None)
    switch()
    code, text = run("--apply")
    assert code == 2
    assert f"link {unknown.pk} of user {unknown.user_id}: nobody at plenigo has its external id" in text
    assert f"link {nameless.pk} of user {nameless.user_id}: has no external id" in text
    assert "1 were given" in text
    assert unknown.user.email not in text


def test_own_customer_ids_are_looked_up_too(links, sandbox, settings):
    there, missing, _ = links
    for link, external_id in ((there, sandbox.customer(there.customer_id).number), (missing, "999999999")):
        CustomerLink.objects.filter(pk=link.pk).update(external_id=external_id)
    settings.PLENIGO = {"default": V2, "next": {**V3, "EXTERNAL_ID_IS_CUSTOMER_ID": True}}
    code, text = run("--using", "next", "--links-of", "default")
    assert code == 2
    assert "1 would be given another id" in text
    assert f"link {missing.pk} of user {missing.user_id}: nobody at plenigo has its external id" in text


def test_own_customer_id_of_somebody_with_another_address_is_nobodys_to_take(links, sandbox, settings):
    link, stranger, _ = links
    CustomerLink.objects.filter(pk=link.pk).update(external_id=sandbox.customer(stranger.customer_id).number)
    CustomerLink.objects.exclude(pk=link.pk).delete()
    settings.PLENIGO = {"default": {**V3, "EXTERNAL_ID_IS_CUSTOMER_ID": True}}
    before = ids()
    code, text = run("--apply")
    assert (code, ids()) == (2, before)
    assert f"link {link.pk} of user {link.user_id}: the customer with this number has another e-mail address" in text
    assert link.user.email not in text


def member_number(user):
    """The number that a site has of its own for a user."""
    return user.username


OWN_IDS = {"EXTERNAL_ID": f"{__name__}.member_number"}


@pytest.fixture
def ann(sandbox, settings):
    """A reader of a site that speaks API v2, whose number there is 4001."""
    settings.PLENIGO = {"default": {**V2, **OWN_IDS}}
    user = UserFactory(username="4001", email="ann@example.com")
    customers.register(user)
    return user


@pytest.fixture
def switch_to_own_ids(settings):
    """Deploy the site with API v3, where the numbers are customer ids."""

    def deploy():
        settings.PLENIGO = {"default": {**V3, **OWN_IDS, "EXTERNAL_ID_IS_CUSTOMER_ID": True}}

    return deploy


@pytest.fixture
def bob(sandbox, ann, switch_to_own_ids):
    """A stranger who is customer 4001 in API v3, and has bought there; the site has switched to it since."""
    bob = sandbox.create_customer("bob@example.com")
    bob.number = "4001"
    bob.save()
    sandbox.buy(bob, DAY_PASS)
    switch_to_own_ids()
    code, text = run("--apply")
    assert (code, "the customer with this number has another e-mail address" in text) == (2, True)
    sandbox.calls.clear()
    return bob


def right_id(sandbox):
    return sandbox.company.products.get(product_id=DAY_PASS).access_right_id


def test_change_of_address_of_who_is_not_moved_never_reaches_the_stranger_with_her_number(sandbox, ann, bob):
    ann.email = "ann@example.org"
    ann.save()
    customers.request_email_sync(ann)
    support.send_again([CustomerLink.objects.get()])
    sending.deliver_due()
    bob.refresh_from_db()
    assert bob.email == "bob@example.com"


def test_change_that_was_noted_before_the_switch_never_reaches_the_stranger(sandbox, ann, settings, switch_to_own_ids):
    ann.email = "ann@example.org"
    ann.save()
    bob = sandbox.create_customer("bob@example.com")
    bob.number = "4001"
    bob.save()
    switch_to_own_ids()
    sending.deliver_due()
    bob.refresh_from_db()
    assert bob.email == "bob@example.com"


def test_who_is_not_moved_is_let_in_nowhere_by_what_the_stranger_with_her_number_has_bought(sandbox, ann, bob):
    product = right_id(sandbox)
    link = CustomerLink.objects.get()
    assert check_access(ann, [product]) is check_access(link, [product]) is Access.NOT_BOUGHT
    assert has_access(ann, [product]) == {product: False}
    assert sandbox.calls == []


def test_who_is_not_moved_is_handed_no_session_of_the_stranger_with_her_number(sandbox, ann, bob):
    link = CustomerLink.objects.get()
    with pytest.raises(InvalidValueError, match="not registered"):
        sessions.mint_transfer(link)
    assert sandbox.calls == []


def test_click_of_who_is_not_moved_is_a_conflict_and_changes_nothing_of_the_stranger(sandbox, ann, bob):
    with pytest.raises(ConflictError, match="customer id is taken"):
        customers.register(ann)
    bob.refresh_from_db()
    assert (bob.email, bob.first_name) == ("bob@example.com", "")
    assert customers.link_of(ann) is None


def test_who_is_not_moved_differs_in_nothing(sandbox, ann, bob):
    type(ann).objects.update(email="ann@example.org")
    assert list(find_drift()) == []


@pytest.fixture
def anns_customer(sandbox, ann, switch_to_own_ids):
    """Her own customer, who has her number in API v3; the site has switched to it since."""
    customer = sandbox.customer(CustomerLink.objects.get().customer_id)
    customer.number = "4001"
    customer.save()
    sandbox.buy(customer, DAY_PASS)
    switch_to_own_ids()
    return customer


def test_who_is_moved_to_her_own_number_is_let_in_handed_a_session_and_followed(sandbox, ann, anns_customer):
    assert check_access(ann, [right_id(sandbox)]) is Access.NOT_BOUGHT
    assert run("--apply")[0] == 0
    link = customers.link_of(ann)
    assert (link.customer_id, link.external_id) == ("4001", "4001")
    assert check_access(ann, [right_id(sandbox)]) is Access.BOUGHT
    assert sessions.mint_transfer(link).value
    ann.email = "ann@example.org"
    ann.save()
    assert sending.deliver_due().delivered == 1
    anns_customer.refresh_from_db()
    assert anns_customer.email == "ann@example.org"


def test_click_of_who_is_not_moved_finds_her_customer_under_the_same_address(sandbox, ann, anns_customer):
    assert customers.register(ann).customer_id == "4001"
    assert customers.link_of(ann).external_id == "4001"
    assert len(sandbox.customers()) == 1


def test_address_that_was_changed_before_the_move_is_told_after_it(sandbox, ann, anns_customer):
    ann.email = "ann@example.org"
    ann.save()
    with pytest.raises(ConflictError):  # plenigo knows her former address alone
        customers.register(ann)
    assert run("--apply")[0] == 0
    sending.deliver_due()
    anns_customer.refresh_from_db()
    assert anns_customer.email == "ann@example.org"
    assert not RemoteChange.objects.filter(refused_at__isnull=False).exists()


def test_own_number_that_a_link_has_already_is_not_asked_about(sandbox, ann, anns_customer):
    run("--apply")
    anns_customer.email = "changed@example.net"
    anns_customer.save()
    sandbox.calls.clear()
    code, text = run("--apply")
    assert (code, "1 have the customer id of API v3" in text) == (0, True)
    assert sandbox.calls == []


def test_two_who_have_no_address_are_not_the_same(sandbox, ann, anns_customer):
    type(ann).objects.update(email="")
    CustomerLink.objects.update(confirmed_email="")
    anns_customer.email = ""
    anns_customer.save()
    code, text = run("--apply")
    assert (code, "has another e-mail address" in text) == (2, True)


def test_link_is_given_an_id_that_another_one_had_with_v2(links, sandbox, switch):
    first, second, _ = links
    number = sandbox.customer(first.customer_id).number
    CustomerLink.objects.filter(pk=second.pk).update(customer_id=number)
    switch()
    code, text = run("--apply")
    assert (code, "3 were given the customer id of API v3" in text) == (0, True)
    assert ids() == [customer.number for customer in sandbox.customers()]


def test_ids_that_others_had_with_v2_are_freed_one_after_the_other(links, sandbox, switch):
    _, second, third = links
    numbers = [customer.number for customer in sandbox.customers()]
    CustomerLink.objects.filter(pk=third.pk).update(customer_id=numbers[1])
    CustomerLink.objects.filter(pk=second.pk).update(customer_id=numbers[0])
    switch()
    assert run("--apply")[0] == 0
    assert ids() == numbers


def test_site_that_goes_back_to_v2_finds_its_customers_by_their_external_ids(links, sandbox, switch, settings):
    for customer in sandbox.customers():
        sandbox.buy(customer, DAY_PASS)
    switch()
    run("--apply")
    settings.PLENIGO = {"default": V2}
    links = CustomerLink.objects.all()
    assert [check_access(link.user, [DAY_PASS]) for link in links] == [Access.BOUGHT] * 3


def test_customer_who_was_linked_with_v3_needs_no_external_id(links, switch):
    switch()
    run("--apply")
    CustomerLink.objects.filter(pk=links[0].pk).update(external_id=None)
    code, text = run("--apply")
    assert (code, "3 have the customer id of API v3" in text) == (0, True)


def test_customer_of_another_user_is_a_conflict_and_not_taken(links, sandbox, switch):
    first, second, _ = links
    number = sandbox.customer(first.customer_id).number
    CustomerLink.objects.filter(pk=second.pk).update(customer_id=number, customer_id_generation="v3", external_id=None)
    switch()
    code, text = run("--apply")
    assert code == 2
    assert f"link {first.pk} of user {first.user_id}: the customer with its external id is linked" in text
    first.refresh_from_db()
    assert first.customer_id != number


def test_part_of_plenigo_that_is_not_booked_stops_the_run_and_calls_nobody_unknown(links, sandbox, switch):
    switch()
    sandbox.fail_next(400, times=None, body='{"errorCode": 20402, "errorMessage": "No."}')
    code, text = run("--apply")
    assert code == 1
    assert "module is not booked" in text
    assert "nobody at plenigo" not in text


def test_outage_stops_the_run_and_says_where_to_go_on(links, sandbox, switch):
    switch()
    sandbox.fail_next(500, times=None)
    code, text = run("--apply")
    assert code == 1
    assert "HTTP 500" in text
    assert "--after 0" in text


def test_run_goes_on_after_a_key(links, switch):
    switch()
    code, text = run("--json", "--after", str(links[0].pk))
    assert code == 0
    assert json.loads(text) == {
        **{"same": 0, "moved": 2, "without_external_id": 0, "unknown": 0, "other_address": 0, "conflict": 0},
        **{"applied": False, "stopped": "", "last_key": links[2].pk},
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--using", "nobody"], "There is no account 'nobody'"),
        (["--links-of", "nobody"], "There is no account 'nobody'"),
        (["--using", "next", "--links-of", "default", "--apply"], "Set the API of the account 'default' to v3 first"),
        (["--using", "default"], "Give --using an account of API v3"),
        (["--using", "next", "--workers", "65"], "--workers must be a whole number from 1 to 64"),
    ],
)
def test_wrong_options_are_told_in_a_sentence(links, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
