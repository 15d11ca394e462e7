"""Linking and registering."""

import pytest
from allauth.account.models import EmailAddress
from django.utils.functional import SimpleLazyObject

from django_plenigo import conf
from django_plenigo.errors import (
    AuthenticationError,
    ConflictError,
    InvalidValueError,
    NoAnswerError,
    RejectedError,
    RemoteUnavailableError,
)
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import customers, sending
from django_plenigo.signals import customer_registered
from tests.factories import LinkFactory, UserFactory
from tests.told import endpoint_of, id_of, rejection_of_email

pytestmark = pytest.mark.django_db


def yes(user):
    return True


def member_number(user):
    return 4711


def nothing(user):
    return None


@pytest.fixture
def verified(settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EMAIL_IS_VERIFIED": f"{__name__}.yes"}}


def test_register_makes_a_customer_with_names_language_and_external_id(sandbox, user):
    link = customers.register(user)
    customer = sandbox.customer(link.customer_id)
    assert customer.email == user.email
    assert (customer.first_name, customer.last_name, customer.language) == ("Ada", "Reader", "en")
    assert customer.external_id == link.external_id == str(user.pk)


def test_register_takes_the_user_of_a_request(sandbox, user):
    """It is a lazy object, whose type is not the user model."""
    link = customers.register(SimpleLazyObject(lambda: user))
    assert sandbox.customers() == [sandbox.customer(link.customer_id)]


def test_register_confirms_the_address_that_was_sent(sandbox, user):
    assert customers.register(user).confirmed_email == user.email


def test_register_twice_asks_the_vendor_once(sandbox, reader):
    customers.register(reader)
    assert sandbox.calls == []
    assert len(sandbox.customers()) == 1


@pytest.mark.api_v2
def test_register_whose_answer_was_lost_links_by_the_external_id_at_the_next_try(sandbox, user):
    sandbox.cut_next(after_work=True)
    with pytest.raises(NoAnswerError):
        customers.register(user)
    link = customers.register(user)
    assert (link.customer_id, link.external_id) == (None, str(user.pk))
    assert len(sandbox.customers()) == 1


def test_register_never_links_by_an_address_that_the_site_has_not_verified(sandbox, user):
    sandbox.create_customer(email=user.email)
    with pytest.raises(ConflictError):
        customers.register(user)
    assert customers.link_of(user) is None


def test_conflict_is_a_row_for_the_agent(sandbox, user):
    sandbox.create_customer(email=user.email)
    with pytest.raises(ConflictError):
        customers.register(user)
    change = RemoteChange.objects.get(link__user=user, kind="register")
    assert change.is_refused
    assert change.last_error == "plenigo.register_user, HTTP 409, code e-mail address is another customer's"


def test_mended_conflict_is_cleared_by_the_next_registration(sandbox, user):
    customer = sandbox.create_customer(email=user.email)
    with pytest.raises(ConflictError):
        customers.register(user)
    customer.delete()
    customers.register(user)
    change = RemoteChange.objects.get(link__user=user, kind="register")
    assert (change.is_refused, change.last_error) == (False, "")
    assert change.noted == change.delivered == 2


def test_verified_address_links_the_customer_who_owns_it(sandbox, user, verified):
    customer = sandbox.create_customer(email=user.email)
    link = customers.register(user)
    sending.deliver_due()
    link.refresh_from_db()
    assert (link.customer_id, link.external_id) == (id_of(customer), str(user.pk))


def test_verified_address_whose_customer_has_another_external_id_links_without_one(sandbox, user, verified):
    customer = sandbox.create_customer(email=user.email, external_id="other")
    link = customers.register(user)
    assert (link.customer_id, link.external_id) == (id_of(customer), None)


def test_customer_of_another_user_is_a_conflict_and_not_a_crash(sandbox, user, verified):
    customer = sandbox.create_customer(email=user.email)
    LinkFactory(customer_id=id_of(customer))
    with pytest.raises(ConflictError, match="customer is linked to another user"):
        customers.register(user)
    assert RemoteChange.objects.get(link__user=user, kind="register").is_refused


def test_user_who_is_refused_another_users_customer_does_not_get_it_at_the_next_try(sandbox, user, settings):
    """Her external id must not be attached to a customer that turns out to be somebody else's."""
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EMAIL_IS_VERIFIED": f"{__name__}.yes"}}
    customer = sandbox.create_customer(email="shared@example.com")
    LinkFactory(customer_id=id_of(customer))
    user.email = customer.email
    with pytest.raises(ConflictError):
        customers.register(user)
    user.email = "fresh@example.com"
    assert customers.register(user).customer_id != id_of(customer)
    assert sandbox.customer(customer.customer_id).email == "shared@example.com"
    assert sandbox.customer(customer.customer_id).external_id is None


def test_external_id_of_another_users_customer_is_a_conflict_before_anything_is_sent(sandbox, user, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EXTERNAL_ID": f"{__name__}.member_number"}}
    LinkFactory(external_id="4711")
    with pytest.raises(ConflictError, match="external id is another user's"):
        customers.register(user)
    assert sandbox.calls == []


def test_customer_whose_external_id_could_not_be_attached_is_linked_all_the_same(sandbox, user, verified):
    customer = sandbox.create_customer(email=user.email)
    sandbox.fail_next(status=500, endpoint=endpoint_of("add_external_id"), times=None)
    link = customers.register(user)
    assert (link.customer_id, link.external_id) == (id_of(customer), None)


@pytest.fixture
def own_customer_ids(settings):
    """The site's external ids, here 4711, are the vendor's customer ids."""
    settings.PLENIGO = {
        "default": {
            **{"API": "v3", "MODE": "sandbox", "DELIVERY": ""},
            **{"EXTERNAL_ID": f"{__name__}.member_number", "EXTERNAL_ID_IS_CUSTOMER_ID": True},
        }
    }


def test_own_external_id_becomes_the_customer_id(sandbox, user, own_customer_ids):
    link = customers.register(user)
    assert (link.customer_id, link.external_id) == ("4711", "4711")
    assert sandbox.customer("4711").email == user.email


def test_registration_under_an_own_customer_id_whose_answer_was_lost_is_found_by_the_same_address(
    sandbox, user, own_customer_ids
):
    sandbox.cut_next(after_work=True, times=2, endpoint="createCustomer")
    sandbox.fail_next(status=503, times=None, endpoint="getCustomer")
    with pytest.raises((NoAnswerError, RemoteUnavailableError)):
        customers.register(user)
    sandbox.clear_faults()
    assert customers.register(user).customer_id == "4711"
    assert len(sandbox.customers()) == 1


@pytest.mark.parametrize("is_verified", [False, True])
def test_stranger_who_has_an_own_customer_id_is_not_taken_over(sandbox, user, own_customer_ids, settings, is_verified):
    settings.PLENIGO["default"]["EMAIL_IS_VERIFIED"] = f"{__name__}.{'yes' if is_verified else 'nothing'}"
    stranger = sandbox.create_customer(email="bob@example.com")
    stranger.number, stranger.first_name = "4711", "Bob"
    stranger.save()
    with pytest.raises(ConflictError, match="customer id is taken"):
        customers.register(user)
    customers.request_registration(user)  # what the outbox does is the same
    assert sending.deliver_due().refused == 1
    assert customers.link_of(user) is None
    stranger.refresh_from_db()
    assert (stranger.email, stranger.first_name) == ("bob@example.com", "Bob")


def test_address_that_another_customer_has_is_a_conflict_with_own_customer_ids_too(sandbox, user, own_customer_ids):
    other = sandbox.create_customer(email=user.email)
    with pytest.raises(ConflictError):
        customers.register(user)
    assert [each.number for each in sandbox.customers()] == [other.number]
    assert RemoteChange.objects.get(link__user=user, kind="register").is_refused


def answer_slowly(user):
    """Say whether an address is verified so late that another tab of the same reader has registered her meanwhile."""
    if customers.link_of(user) is None and not hasattr(user, "has_another_tab"):
        user.has_another_tab = True
        customers.register(user)
    return False


@pytest.mark.parametrize("function", ["nothing", "member_number"])
def test_reader_who_registers_in_two_tabs_meets_no_conflict(sandbox, user, settings, function):
    functions = {"EXTERNAL_ID": f"{__name__}.{function}", "EMAIL_IS_VERIFIED": f"{__name__}.answer_slowly"}
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], **functions}}
    assert customers.register(user).is_registered
    assert user.has_another_tab
    change = RemoteChange.objects.get(link__user=user, kind="register")
    assert (change.is_refused, change.noted, change.delivered) == (False, 2, 2)
    assert len(sandbox.customers()) == 1


@pytest.mark.parametrize(
    ("name", "sent"),
    [("Ada\nMaria", "Ada Maria"), ("A" * 300, "A" * {"v2": 255, "v3": 100}[conf.Account().generation])],
)
def test_name_that_the_vendor_would_refuse_keeps_nobody_from_buying(sandbox, user, name, sent):
    user.first_name = name
    assert sandbox.customer(customers.register(user).customer_id).first_name == sent


@pytest.mark.parametrize(
    ("email", "is_verified", "expected"),
    [("{user.email}", True, True), ("{user.email}", False, False), ("other@example.com", True, False)],
)
def test_allauth_says_whether_an_address_is_verified(user, email, is_verified, expected):
    EmailAddress.objects.create(user=user, email=email.format(user=user), verified=is_verified)
    assert customers.has_verified_email(user) is expected


def test_external_id_comes_from_the_sites_function(sandbox, user, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EXTERNAL_ID": f"{__name__}.member_number"}}
    link = customers.register(user)
    assert sandbox.customer(link.customer_id).external_id == link.external_id == "4711"


def test_user_without_external_id_is_linked_by_the_vendors_id_alone(sandbox, user, settings):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EXTERNAL_ID": f"{__name__}.nothing"}}
    link = customers.register(user)
    assert link.customer_id
    assert link.external_id is None


@pytest.mark.parametrize("value", ["", " 7", "a\nb", "x" * 101, True, 1.5, b"7"])
def test_external_id_that_the_api_would_refuse_is_never_sent(sandbox, user, settings, monkeypatch, value):
    settings.PLENIGO = {"default": {**settings.PLENIGO["default"], "EXTERNAL_ID": f"{__name__}.member_number"}}
    monkeypatch.setitem(globals(), "member_number", lambda user: value)
    with pytest.raises(InvalidValueError) as caught:
        customers.register(user)
    assert caught.value.field == "external_id"
    assert sandbox.calls == []


@pytest.mark.parametrize("email", ["", "  ", "müller@localhost"])
def test_user_without_a_usable_address_is_told_so_and_nothing_is_sent_or_written(sandbox, email):
    with pytest.raises(InvalidValueError) as caught:
        customers.register(UserFactory(email=email))
    assert caught.value.field == "email"
    assert sandbox.calls == []
    assert not CustomerLink.objects.exists()


def test_registration_that_the_vendor_rejects_is_a_row_for_the_agent(sandbox, user):
    sandbox.fail_next(400, endpoint=endpoint_of("register_user"), body=rejection_of_email())
    with pytest.raises(RejectedError):
        customers.register(user)
    change = RemoteChange.objects.get(link__user=user, kind="register")
    assert (change.is_refused, change.last_error) == (True, "plenigo.register_user, HTTP 400, code invalid email")


def test_outage_leaves_the_reader_unlinked_and_the_change_waiting(sandbox, user):
    sandbox.fail_next(status=503, times=None)
    with pytest.raises(RemoteUnavailableError):
        customers.register(user)
    change = RemoteChange.objects.get(link__user=user, kind="register")
    assert customers.link_of(user) is None
    assert (change.is_refused, change.noted - change.delivered) == (False, 1)


@pytest.mark.api_v2
def test_company_without_a_closed_user_group_is_told_apart(sandbox, user):
    sandbox.company.closed_user_group = False
    sandbox.company.save()
    with pytest.raises(AuthenticationError, match="no closed user group"):
        customers.register(user)


def test_registering_sends_the_signal_once_and_after_commit(sandbox, user, django_capture_on_commit_callbacks):
    heard = []

    def hear(sender, link, user, **kwargs):
        heard.append((link.customer_id, user))

    customer_registered.connect(hear)
    with django_capture_on_commit_callbacks(execute=True):
        link = customers.register(user)
        customers.register(user)
        assert heard == []
    assert heard == [(link.customer_id, user)]


def test_receiver_that_fails_does_not_break_registering(sandbox, user, django_capture_on_commit_callbacks):
    def fail(**kwargs):
        raise RuntimeError("a receiver's bug")

    customer_registered.connect(fail)
    with django_capture_on_commit_callbacks(execute=True):
        assert customers.register(user).is_registered


def test_accounts_of_one_site_are_linked_apart(sandbox, user, settings):
    settings.PLENIGO = {
        "default": settings.PLENIGO["default"],
        "brand": {**settings.PLENIGO["default"], "EXTERNAL_ID": f"{__name__}.nothing"},
    }
    customers.register(user)
    assert customers.link_of(user, using="brand") is None


def test_text_of_a_link_names_nobody(reader):
    link = CustomerLink.objects.get(user=reader)
    text = f"{link} {link!r}"
    assert reader.email not in text
    assert link.customer_id not in text


class ReplicaThatIsGone:
    """Reads go to a database that there is not, unless the code says that it reads where it writes."""

    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"


def test_registration_reads_no_replica(sandbox, user, settings, monkeypatch):
    monkeypatch.setattr(type(user), "EMAIL_FIELD", "nowhere")
    EmailAddress.objects.create(user=user, email="ada@example.com", primary=True, verified=True)
    registered = customers.Registered(
        customers.prepare_registration(customers.ensure_link(user), user), "C-1", str(user.pk)
    )
    settings.DATABASE_ROUTERS = [f"{__name__}.ReplicaThatIsGone"]
    link = customers.ensure_link(user)
    registration = customers.prepare_registration(link, user)
    assert (registration.values["email"], registration.is_verified) == ("ada@example.com", True)
    assert customers.store_registration(link, registered)
    customers.note_rest_of_registration(link)
