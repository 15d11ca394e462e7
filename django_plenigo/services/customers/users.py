"""What this site says of a user: address, external id, names. Nothing is sent or written here."""

from collections.abc import Collection, Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet
from django.db.models.functions import Lower

from django_plenigo import conf
from django_plenigo.errors import InvalidValueError
from django_plenigo.protocols.base import NAME_LENGTH, checked_external_id
from django_plenigo.services.rows import rows_of


def own_email_name(user: Any) -> str | None:
    """Return the name of the attribute that holds a user's address, by EMAIL_FIELD; None where the model has none."""
    name_of_field = getattr(user, "get_email_field_name", None)
    name = None if name_of_field is None else str(name_of_field())
    # A field is not looked at: where it is deferred, that would be a query.
    return name if name is not None and (is_field(user, name) or hasattr(user, name)) else None


def is_field(user: Any, name: str) -> bool:
    """Say whether an attribute of a user is a column, and not a property, say."""
    try:
        return bool(user._meta.get_field(name).concrete)
    except FieldDoesNotExist:
        return False


def email_of(user: Any) -> str:
    """Return a user's e-mail address by the user model's own EMAIL_FIELD, "" where there is none.

    Where the model has no such field and allauth is installed, it is allauth's primary address, once confirmed.
    """
    name = own_email_name(user)
    if name is not None:
        return str(getattr(user, name) or "").strip()
    if apps.is_installed("allauth.account") and user.pk is not None:
        primary = (
            _addresses_at_allauth()
            .filter(user=user, primary=True, verified=True)
            .values_list("email", flat=True)
            .first()
        )
        return str(primary or "").strip()
    return ""


def is_same_address(one: str, other: str) -> bool:
    """Say whether two e-mail addresses are one, whatever their capital letters. No address is nobody's.

    Not by `casefold`, which makes ss of ß: straße.example and strasse.example are two domains, and may be two owners'.
    """
    return bool(one) and one.lower() == other.lower()


def external_id_of(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> str | None:
    """Return this site's own id of a user: by the account's EXTERNAL_ID function, else the primary key.

    None where the function says that this user has none. Raises `InvalidValueError` where the API would refuse it.
    Source: docs/protocols/plenigo-v2.md 2.1.
    """
    function = conf.Account(using).external_id
    value = str(user.pk) if function is None else function(user)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidValueError("external_id", f"must be text or a whole number, not {type(value).__name__}")
    return checked_external_id(str(value))


def has_verified_email(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> bool:
    """Say whether this site has verified that the user owns the address.

    By the account's EMAIL_IS_VERIFIED function, else allauth's answer where it is installed, else no.
    """
    function = conf.Account(using).email_is_verified
    if function is not None:
        return function(user) is True
    if apps.is_installed("allauth.account"):
        verified = _addresses_at_allauth().filter(user=user, verified=True).values_list("email", flat=True)
        own = email_of(user)
        return any(is_same_address(address, own) for address in verified)
    return False


def with_verified_email(user_keys: Collection[Any], *, using: str = conf.DEFAULT_ACCOUNT) -> set[Any]:
    """Return the primary keys of those of some users of whom `has_verified_email` says yes. One query.

    The users' addresses must be a column, or allauth's: see `has_addresses`. The account's function is called for each.
    """
    function, model = conf.Account(using).email_is_verified, get_user_model()
    if function is not None:
        users = rows_of(model).filter(pk__in=user_keys)
        return {user.pk for user in users if function(user) is True}
    if not apps.is_installed("allauth.account"):
        return set()
    name = own_email_name(model)
    verified = _addresses_at_allauth().filter(user__in=user_keys, verified=True)
    if name is None:
        return set(verified.filter(primary=True).values_list("user_id", flat=True))
    found = verified.values_list("user_id", "email", f"user__{name}")
    return {key for key, address, own in found if is_same_address(address, (own or "").strip())}


def has_addresses() -> bool:
    """Say whether this site can be asked whose an address is: by a column of the user model, or by allauth."""
    name = own_email_name(get_user_model())
    return is_field(get_user_model(), name) if name is not None else apps.is_installed("allauth.account")


def logs_in_by_address() -> bool:
    """Say whether what a user logs in with is her address."""
    return bool(own_email_name(get_user_model()) == get_user_model().USERNAME_FIELD)


def users_by_address(addresses: Collection[str]) -> Iterable[tuple[str, Any]]:
    """Yield the address, in small letters, and the primary key of each user who has one of `addresses`. One query.

    They are given in small letters too. It is the address that `email_of` returns.
    """
    model = get_user_model()
    name = own_email_name(model)
    if name is not None:
        users = rows_of(model).annotate(plenigo_address=Lower(name))
        found = users.filter(plenigo_address__in=addresses).values_list(name, "pk")
    else:
        rows = _addresses_at_allauth().filter(primary=True, verified=True).annotate(plenigo_address=Lower("email"))
        found = rows.filter(plenigo_address__in=addresses).values_list("email", "user_id")
    return ((address.lower(), key) for address, key in found)


def addresses_elsewhere(user_key: Any) -> QuerySet[Any]:
    """Return the rows that a user's address is read from besides her own: none where her own has it."""
    if own_email_name(get_user_model()) is None and apps.is_installed("allauth.account"):
        return _addresses_at_allauth().filter(user=user_key)
    return get_user_model()._base_manager.none()


def _addresses_at_allauth() -> QuerySet[Any]:
    """Return all addresses, where they are written: a replica may be late."""
    model = apps.get_model("account", "EmailAddress")
    addresses: QuerySet[Any] = rows_of(model)
    return addresses


def gender_of(user: Any, *, using: str = conf.DEFAULT_ACCOUNT) -> str | None:
    """Return the vendor's word for a user's gender by the account's GENDER function, None where there is no function.

    "" where the function says that it knows none.
    """
    function = conf.Account(using).gender
    return None if function is None else function(user) or ""


def profile_of(user: Any, names: Iterable[str]) -> dict[str, str]:
    """Return what a user's attributes of these names say, of `conf.FOLLOWABLE`, without those that are blank."""
    values = {name: language_of(user) if name == "language" else name_of(user, name) for name in names}
    return {name: value for name, value in values.items() if value}


def language_of(user: Any) -> str:
    """Return a user's language as two letters, "" where there is none: of de-at the first part."""
    language = str(getattr(user, "language", "") or "").replace("_", "-").partition("-")[0].lower()
    return language if conf.TWO_LETTERS.fullmatch(language) else ""


def name_of(user: Any, name: str) -> str:
    """Return a name on one line; it is no reason to refuse a customer."""
    return " ".join(str(getattr(user, name, "") or "").split())[:NAME_LENGTH]
