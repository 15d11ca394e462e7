"""Names and language follow where a site asks for it: docs/keeping-in-step.md."""

import pytest
from django.contrib.auth import get_user_model

from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import customers, sending

pytestmark = pytest.mark.django_db


def female(user):
    return "female"


def unknown(user):
    return None


@pytest.fixture(autouse=True)
def follows(settings):
    """Let the account follow fields, by default both names."""

    def follow(*names, gender=f"{__name__}.female"):
        followed = {"FOLLOWED_FIELDS": names, "GENDER": gender}
        settings.PLENIGO = {"default": {**settings.PLENIGO["default"], **followed}}

    follow("first_name", "last_name")
    return follow


@pytest.fixture
def link(reader):
    """The reader's link; she is registered as Ada Reader."""
    return CustomerLink.objects.get(user=reader)


@pytest.fixture
def customer(sandbox, link):
    """The customer at the vendor's, as he is now."""
    return lambda: sandbox.customer(link.customer_id)


@pytest.fixture
def change_of(link):
    """What is noted of the names, as it is now."""
    return lambda: RemoteChange.objects.get(link=link, kind="change_profile")


def save_with(user, **values):
    for name, value in values.items():
        setattr(user, name, value)
    user.save()


def test_new_name_reaches_the_vendor(reader, link, customer, change_of):
    save_with(reader, last_name="Moss")
    assert change_of().is_waiting
    sending.deliver_due()
    link.refresh_from_db()
    assert (customer().first_name, customer().last_name) == ("Ada", "Moss")
    assert (link.confirmed_first_name, link.confirmed_last_name) == ("Ada", "Moss")
    assert not change_of().is_waiting


@pytest.mark.api_v2
def test_gender_goes_along_with_a_new_name(reader, customer):
    save_with(reader, last_name="Moss")
    sending.deliver_due()
    assert customer().gender == "FEMALE"


def test_new_language_reaches_the_vendor_whose_api_can_change_it(on_v3, sandbox, user, monkeypatch):
    on_v3(FOLLOWED_FIELDS=["language"])
    link = customers.register(user)
    monkeypatch.setattr(get_user_model(), "language", "de-at", raising=False)
    user.save()
    sending.deliver_due()
    assert sandbox.customer(link.customer_id).language == "de"


def test_name_that_is_told_comes_not_back_as_a_change(sandbox, reader, change_of):
    save_with(reader, last_name="Moss")
    sending.deliver_due()
    reader.refresh_from_db()
    reader.save()
    sending.deliver_due()
    assert len([call for call in sandbox.calls if call.method != "GET"]) == 1
    assert (change_of().noted, change_of().delivered) == (1, 1)


def test_names_that_were_registered_are_not_told_again(sandbox, reader):
    reader.save()
    sending.deliver_due()
    assert sandbox.calls == []


def test_address_stays_as_it_is_at_the_vendor(reader, link, customer):
    customer().addresses.create(kind="INVOICE", city="Town", country="DE")
    save_with(reader, last_name="Moss")
    sending.deliver_due()
    assert customer().last_name == "Moss"
    assert list(customer().addresses.values_list("city", "country")) == [("Town", "DE")]


@pytest.mark.parametrize("blank", ["", "  "])
def test_blank_name_is_never_told(sandbox, reader, customer, change_of, blank):
    save_with(reader, first_name=blank, last_name=blank)
    sending.deliver_due()
    assert (customer().first_name, customer().last_name) == ("Ada", "Reader")
    assert (sandbox.calls, change_of().noted) == ([], 0)


def test_blank_name_beside_a_new_one_leaves_the_one_at_the_vendor(reader, customer):
    save_with(reader, first_name="", last_name="Moss")
    sending.deliver_due()
    assert (customer().first_name, customer().last_name) == ("Ada", "Moss")


@pytest.mark.api_v2
def test_name_without_another_that_anybody_knows_is_refused_with_a_reason(sandbox, user, change_of_user):
    user.last_name = ""
    user.save()
    customers.register(user)
    save_with(user, first_name="Grace")
    sending.deliver_due()
    assert change_of_user(user).last_error == "last_name: must not be blank"


@pytest.fixture
def change_of_user():
    """What is noted of anybody's names."""
    return lambda user: RemoteChange.objects.get(link__user=user, kind="change_profile")


@pytest.mark.api_v2
def test_user_without_a_gender_is_refused_with_a_reason_until_she_has_one(reader, follows, change_of, customer):
    follows("first_name", "last_name", gender=f"{__name__}.unknown")
    save_with(reader, last_name="Moss")
    sending.deliver_due()
    assert change_of().last_error == "gender: must not be blank"
    follows("first_name", "last_name")
    save_with(reader)
    sending.deliver_due()
    assert (customer().last_name, change_of().is_refused) == ("Moss", False)


@pytest.mark.parametrize(
    ("names", "gender", "reason"),
    [
        (["first_name", "last_name"], "", "only together with a gender: see the setting GENDER"),
        (["language"], f"{__name__}.female", "API v2 has no call that changes the language"),
    ],
    ids=["no gender", "language"],
)
@pytest.mark.api_v2
def test_what_the_api_cannot_change_is_refused_with_a_reason(
    sandbox, reader, follows, change_of, monkeypatch, names, gender, reason
):
    monkeypatch.setattr(get_user_model(), "language", "de-at", raising=False)
    follows(*names, gender=gender)
    save_with(reader, last_name="Moss")
    sending.deliver_due()
    assert change_of().last_error_type == "UnsupportedOperationError"
    assert reason in change_of().last_error
    assert sandbox.calls == []


def test_name_changed_back_while_the_call_is_under_way_ends_with_the_first(reader, customer):
    def observe(step, claim):
        if step is sending.Step.SENDING:  # of the one call
            save_with(reader, last_name="Reader")

    save_with(reader, last_name="Moss")
    sending.deliver_due(workers=1, limit=1, observe=observe)
    sending.deliver_due()
    assert customer().last_name == "Reader"


@pytest.mark.django_db(transaction=True)
def test_name_changed_while_the_reader_is_registered_is_told(sandbox, user):
    customers.request_registration(user)

    def observe(step, claim):
        if step is sending.Step.ANSWERED and claim.change.kind == RemoteChange.Kind.REGISTER:
            save_with(user, last_name="Moss")

    sending.deliver_due(workers=1, observe=observe)
    (customer,) = sandbox.customers()
    assert customer.last_name == "Moss"


# ---- what it costs, and where nobody asked for it


def test_names_that_nobody_follows_are_not_told(sandbox, reader, follows, change_of):
    follows()
    save_with(reader, last_name="Moss")
    sending.deliver_due()
    assert (sandbox.calls, change_of().noted) == ([], 0)


def test_field_that_is_not_followed_any_more_is_not_told(sandbox, reader, follows, change_of):
    save_with(reader, last_name="Moss")
    follows()
    sending.deliver_due()
    assert (sandbox.calls, change_of().is_waiting) == ([], False)


@pytest.mark.parametrize(
    ("update_fields", "statements"), [(None, 3), (["last_name"], 2), (["email"], 2), (["last_login"], 1)], ids=str
)
def test_save_costs_a_statement_more_for_names_that_it_can_have_touched(
    reader, django_assert_num_queries, update_fields, statements
):
    reader.last_name = "Moss"
    with django_assert_num_queries(statements):
        reader.save(update_fields=update_fields)


def test_log_in_finds_a_name_that_was_changed_past_the_signals(reader, client, customer):
    get_user_model().objects.filter(pk=reader.pk).update(last_name="Moss")
    client.force_login(get_user_model().objects.get(pk=reader.pk))
    sending.deliver_due()
    assert customer().last_name == "Moss"


def test_wrong_setting_does_not_break_a_save(reader, follows, caplog):
    follows("surname")
    save_with(reader, email="new@example.com")
    assert RemoteChange.objects.get(link__user=reader, kind="change_email").is_waiting
    assert "FOLLOWED_FIELDS" in caplog.text
