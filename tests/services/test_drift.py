"""What no signal has told is found by a comparison of the two sides."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import customers, drift, sending
from django_plenigo.services.drift import DriftState
from django_plenigo.signals import email_change_requested
from tests.factories import LinkFactory, UserFactory

pytestmark = pytest.mark.django_db

Kind = RemoteChange.Kind


def set_email(user, email):
    """Change an address past the signals."""
    get_user_model().objects.filter(pk=user.pk).update(email=email)


def found():
    return [(each.link_key, each.state) for each in drift.find_drift()]


def test_updated_address_is_found_with_the_keys_of_link_and_user():
    LinkFactory()
    link = LinkFactory()
    set_email(link.user, "new@example.com")
    assert list(drift.find_drift()) == [drift.Drift(link.pk, link.user_id, Kind.CHANGE_EMAIL, DriftState.UNNOTICED)]


def test_bulk_update_is_found():
    links = LinkFactory.create_batch(3)
    users = [link.user for link in links[1:]]
    for user in users:
        user.email = f"bulk{user.pk}@example.com"
    get_user_model().objects.bulk_update(users, ["email"])
    assert [key for key, _ in found()] == [link.pk for link in links[1:]]


@pytest.mark.parametrize(
    ("here", "there", "is_found"),
    [
        ("ada@example.com", "ada@example.com", False),
        ("ada@example.com", "bob@example.com", True),
        ("Ada@example.com", "ada@example.com", True),
        ("ada@example.com", "Ada@example.com", True),
        (" ada@example.com ", "ada@example.com", False),
        ("\tada@example.com", "ada@example.com", False),
        ("äda@example.com", "ada@example.com", True),
        ("", "ada@example.com", False),
        ("  ", "ada@example.com", False),
        ("ada@example.com", "", True),
        ("", "", False),
    ],
)
def test_two_addresses_differ_if_plenigo_would_be_told_another(here, there, is_found):
    link = LinkFactory(confirmed_email=there)
    set_email(link.user, here)
    assert bool(found()) == is_found


@pytest.mark.parametrize("ids", [{"customer_id": None}, {"customer_id": None, "external_id": None}])
def test_user_who_is_no_customer_yet_is_left_out(ids):
    LinkFactory(confirmed_email="", **ids)
    assert found() == []


def test_customer_who_is_known_by_the_external_id_alone_is_found():
    LinkFactory(customer_id=None, external_id="4711", confirmed_email="old@example.com")
    assert len(found()) == 1


def test_other_account_is_left_out(settings):
    settings.PLENIGO = dict.fromkeys(("default", "weekly"), settings.PLENIGO["default"])
    link = LinkFactory(account="weekly", confirmed_email="old@example.com")
    assert found() == []
    assert [each.link_key for each in drift.find_drift("weekly")] == [link.pk]


def test_what_is_waiting_or_refused_is_told_apart_and_not_noted_again():
    unnoticed, waiting, refused = (LinkFactory(confirmed_email="old@example.com") for _ in range(3))
    changes = RemoteChange.objects.filter(kind=RemoteChange.Kind.CHANGE_EMAIL)
    changes.filter(link=waiting).update(noted=2, delivered=1, due_at=timezone.now())
    changes.filter(link=refused).update(noted=2, delivered=1, refused_at=timezone.now())
    assert found() == [
        (unnoticed.pk, DriftState.UNNOTICED),
        (waiting.pk, DriftState.WAITING),
        (refused.pk, DriftState.REFUSED),
    ]
    assert drift.count_drift() == dict.fromkeys(DriftState, 1)
    assert drift.note_drift() == 1
    assert changes.get(link=unnoticed).is_waiting
    assert {each.noted for each in changes.filter(link__in=[waiting, refused])} == {2}


def test_drift_of_a_link_that_bulk_create_has_made_is_noted(user):
    CustomerLink.objects.bulk_create([CustomerLink(user=user, customer_id="C-1", confirmed_email="old@example.com")])
    assert drift.note_drift() == 1
    assert RemoteChange.objects.get(link__user=user, kind=RemoteChange.Kind.CHANGE_EMAIL).is_waiting


def test_noted_drift_is_told_to_plenigo(sandbox):
    users = UserFactory.create_batch(3)
    for user in users:
        customers.register(user)
        set_email(user, f"later{user.pk}@example.com")
    assert drift.note_drift() == 3
    assert drift.note_drift() == 0
    assert drift.count_drift()[DriftState.WAITING] == 3
    assert sending.deliver_due().delivered == 3
    assert found() == []
    assert [customer.email for customer in sandbox.customers()] == [f"later{user.pk}@example.com" for user in users]


@pytest.fixture
def email_requests():
    """What the site is told by `email_change_requested`."""
    told = []

    def hear(user, accounts, **kwargs):
        told.append((user.pk, accounts))

    email_change_requested.connect(hear)
    yield told
    email_change_requested.disconnect(hear)


def test_noted_drift_tells_the_site_once_a_customer(django_capture_on_commit_callbacks, email_requests):
    links = [LinkFactory(confirmed_email="old@example.com") for _ in range(2)]
    with django_capture_on_commit_callbacks(execute=True):
        drift.note_drift()
        drift.note_drift()
    assert email_requests == [(link.user_id, ["default"]) for link in links]


# ---- what is followed besides ------------------------------------------------------------------------------------


@pytest.fixture
def follow(settings):
    """Let the account follow some fields."""

    def follow(*names):
        followed = {"FOLLOWED_FIELDS": names, "GENDER": f"{__name__}.female"}
        settings.PLENIGO = {"default": {**settings.PLENIGO["default"], **followed}}

    return follow


def female(user):
    """Return the vendor's word."""
    return "FEMALE"


def set_names(user, first_name, last_name="Reader"):
    """Change names past the signals."""
    get_user_model().objects.filter(pk=user.pk).update(first_name=first_name, last_name=last_name)


@pytest.mark.parametrize(
    ("here", "there", "is_found"),
    [
        ("Ada", "Ada", False),
        ("Ada", "Eva", True),
        ("ada", "Ada", True),
        (" Ada ", "Ada", False),
        ("", "Ada", False),
        ("  ", "Ada", False),
        ("Ada", "", True),
    ],
)
def test_names_differ_if_plenigo_would_be_told_another(follow, here, there, is_found):
    follow("first_name", "last_name")
    link = LinkFactory(confirmed_first_name=there, confirmed_last_name="Reader")
    set_names(link.user, here)
    expected = [drift.Drift(link.pk, link.user_id, Kind.CHANGE_PROFILE, DriftState.UNNOTICED)]
    assert list(drift.find_drift()) == (expected if is_found else [])


def test_names_are_compared_only_where_the_account_follows_them(follow):
    link = LinkFactory(confirmed_first_name="Ada", confirmed_last_name="Reader")
    set_names(link.user, "Eva")
    assert found() == []
    follow("last_name")
    assert found() == []
    set_names(link.user, "Eva", "Writer")
    assert len(found()) == 1


def test_names_in_step_are_compared_by_one_more_query(follow, django_assert_num_queries):
    follow("first_name", "last_name")
    for link in LinkFactory.create_batch(5, confirmed_first_name="Ada", confirmed_last_name="Reader"):
        set_names(link.user, "Ada")
    with django_assert_num_queries(3):
        assert found() == []


def test_address_and_names_of_one_customer_are_two_changes_and_told(
    follow, sandbox, email_requests, django_capture_on_commit_callbacks
):
    follow("first_name", "last_name")
    user = UserFactory()
    link = customers.register(user)
    set_email(user, "eva@example.com")
    set_names(user, "Eva", "Writer")
    assert [each.kind for each in drift.find_drift()] == [Kind.CHANGE_EMAIL, Kind.CHANGE_PROFILE]
    with django_capture_on_commit_callbacks(execute=True):
        assert drift.note_drift() == 2
    assert email_requests == [(user.pk, ["default"])]
    assert sending.deliver_due().delivered == 2
    assert found() == []
    customer = sandbox.customer(link.customer_id)
    assert (customer.email, customer.first_name, customer.last_name) == ("eva@example.com", "Eva", "Writer")


def test_language_of_a_user_model_without_one_is_nothing_that_differs(follow):
    follow("language")
    LinkFactory(confirmed_language="de")
    assert found() == []


# ---- many ------------------------------------------------------------------------------------------------------


def test_links_in_step_are_compared_by_a_query_for_each_kind_that_brings_none_of_them(django_assert_num_queries):
    LinkFactory.create_batch(20)
    with django_assert_num_queries(2):  # the addresses, and the access ids
        assert found() == []


def test_what_differs_comes_in_chunks(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(drift, "CHUNK", 4)
    links = [LinkFactory(confirmed_email="old@example.com") for _ in range(10)]
    LinkFactory.create_batch(3)
    with django_assert_num_queries(4):
        assert [key for key, _ in found()] == [link.pk for link in links]
    assert drift.note_drift() == 10


def test_first_of_many_is_there_before_the_last_is_looked_for(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(drift, "CHUNK", 2)
    for _ in range(6):
        LinkFactory(confirmed_email="old@example.com")
    with django_assert_num_queries(1):
        next(drift.find_drift())


# ---- addresses of other kinds ----------------------------------------------------------------------------------


def test_primary_address_at_allauth_is_nothing_to_a_model_with_an_address_of_its_own():
    link = LinkFactory()
    EmailAddress.objects.create(user=link.user, email="other@example.com", primary=True, verified=True)
    assert found() == []
    assert CustomerLink.objects.count() == 1


def test_address_that_is_a_property_of_the_user_is_compared_too(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "post_box")
    monkeypatch.setattr(
        get_user_model(), "post_box", property(lambda user: f"{user.username}@post.example"), raising=False
    )
    monkeypatch.setattr(drift, "CHUNK", 2)
    in_step = LinkFactory.create_batch(3)
    for link in in_step:
        CustomerLink.objects.filter(pk=link.pk).update(confirmed_email=link.user.post_box)
    differing = LinkFactory()
    with django_assert_num_queries(4):
        assert [key for key, _ in found()] == [differing.pk]


def test_model_without_an_address_has_that_of_allauth_once_confirmed(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "no_such_field")
    links = [LinkFactory(confirmed_email="old@example.com") for _ in range(3)]
    for link, email, is_confirmed in zip(
        links, ["new@example.com", "old@example.com", "unproved@example.com"], [True, True, False], strict=True
    ):
        EmailAddress.objects.create(user=link.user, email=email, primary=True, verified=is_confirmed)
    with django_assert_num_queries(2):
        assert [key for key, _ in found()] == [links[0].pk]


def test_model_without_any_address_has_no_drift(monkeypatch, settings):
    monkeypatch.setattr(get_user_model(), "EMAIL_FIELD", "no_such_field")
    LinkFactory(confirmed_email="old@example.com")
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if not app.startswith("allauth")]
    assert found() == []
