"""What each kind of change sends: read what is true now, tell the vendor, keep what it acknowledged.

Only the telling may take place in another thread, so it touches no database.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q

from django_plenigo import backends, conf
from django_plenigo.errors import InvalidValueError
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import access_ids, customers, outbox
from django_plenigo.signals import email_change_confirmed, email_change_refused

Call = Callable[[], Any]


class ChangeKind(ABC):
    """How the changes of one kind are sent."""

    @abstractmethod
    def prepare(self, link: CustomerLink) -> Call | None:
        """Return the call that tells the vendor what is true now, None where there is nothing to tell.

        Raises `InvalidValueError` and `ConflictError` where the vendor need not be asked.
        """

    @abstractmethod
    def store(self, link: CustomerLink, answer: Any) -> Mapping[str, str]:
        """Keep what the vendor answered, and return which fields of the link it has confirmed.

        Raises `ConflictError`.
        """

    def tell_done(self, link: CustomerLink, confirmed: Mapping[str, str]) -> None:  # noqa: B027 - most say nothing
        """Tell the site that a change is done: `confirmed` is empty where there was nothing to tell."""

    def tell_refused(self, link: CustomerLink, error: Exception) -> None:  # noqa: B027 - as above
        """Tell the site that the vendor has refused a change."""


class Register(ChangeKind):
    """Make the user a customer."""

    def prepare(self, link: CustomerLink) -> Call | None:
        """Read the user's values, unless she is a customer by now."""
        if link.is_registered:
            customers.note_rest_of_registration(link)
            return None
        registration = customers.prepare_registration(link, link.user)
        return lambda: customers.send_registration(registration)

    def store(self, link: CustomerLink, answer: customers.Registered) -> Mapping[str, str]:
        """Write the ids, whoever is first wins."""
        if customers.store_registration(link, answer):
            link.refresh_from_db(from_queryset=type(link)._default_manager.using(link._state.db))
            customers.tell_registered(link, link.user)
        return {}


class AttachExternalId(ChangeKind):
    """Give a customer who was there before the site's own id."""

    def prepare(self, link: CustomerLink) -> Call | None:
        """Read the id, unless the customer has it by now."""
        external_id = customers.external_id_to_attach(link)
        if external_id is None:
            return None
        directory, customer_id = backends.customer_directory(link.account), str(link.customer_id)

        def call() -> str:
            directory.add_external_id(customer_id, external_id)
            return external_id

        return call

    def store(self, link: CustomerLink, answer: str) -> Mapping[str, str]:
        """Write the id."""
        customers.write_ids(link, external_id=answer)
        return {}


class ChangeEmail(ChangeKind):
    """Bring the user's address to the vendor."""

    def prepare(self, link: CustomerLink) -> Call | None:
        """Read the address of now.

        It is sent even if it is the confirmed one: an earlier call, whose answer nobody got, may have told another.
        """
        if not link.is_registered:
            return None  # it is told with the registration
        email = customers.email_of(link.user)
        if not email:
            raise InvalidValueError("email", "the user has no e-mail address any more; plenigo keeps the last one")
        directory, customer = backends.customer_directory(link.account), customers.customer_of(link)

        def call() -> str:
            directory.change_email(customer, email)
            return email

        return call

    def store(self, link: CustomerLink, answer: str) -> Mapping[str, str]:
        """Return the address that was sent."""
        return {"confirmed_email": answer}

    def tell_done(self, link: CustomerLink, confirmed: Mapping[str, str]) -> None:
        """Send the signal."""
        if "confirmed_email" in confirmed:
            email = confirmed["confirmed_email"]
            email_change_confirmed.send_robust(sender=CustomerLink, link=link, user=link.user, email=email)

    def tell_refused(self, link: CustomerLink, error: Exception) -> None:
        """Send the signal."""
        email_change_refused.send_robust(sender=CustomerLink, link=link, user=link.user, error=error)


class ChangeProfile(ChangeKind):
    """Bring the user's names and language to the vendor, as far as the account follows them."""

    def prepare(self, link: CustomerLink) -> Call | None:
        """Read the values of now, without the blank ones.

        Where the API takes two names in one call, a blank one is told as it was confirmed last.
        """
        followed = conf.Account(link.account).followed_fields
        profile = customers.profile_of(link.user, followed)
        if not link.is_registered or not profile:
            return None
        first_name = profile.get("first_name", link.confirmed_first_name)
        last_name = profile.get("last_name", link.confirmed_last_name)
        language = profile.get("language", "")
        gender = customers.gender_of(link.user, using=link.account)
        keeper, customer = backends.profile_keeper(link.account), customers.customer_of(link)

        def call() -> dict[str, str]:
            keeper.change_profile(
                customer, first_name=first_name, last_name=last_name, gender=gender, language=language
            )
            return profile

        return call

    def store(self, link: CustomerLink, answer: dict[str, str]) -> Mapping[str, str]:
        """Return the values that were sent."""
        return {f"confirmed_{name}": value for name, value in answer.items()}


class AssignAccessIds(ChangeKind):
    """Bring a customer's access ids to the vendor."""

    def prepare(self, link: CustomerLink) -> Call | None:
        """Read the ids of now."""
        if not link.is_registered or not conf.Account(link.account).tells_access_ids:
            return None  # noted again with the registration, or when the account tells them
        values = access_ids.values_of(link)
        if not any(values):
            return None
        registry, customer = backends.access_registry(link.account), customers.customer_of(link)
        return lambda: registry.import_access_ids(customer, values)

    def store(self, link: CustomerLink, answer: Any) -> Mapping[str, str]:
        """Keep nothing: the ids are kept already."""
        return {}

    def tell_done(self, link: CustomerLink, confirmed: Mapping[str, str]) -> None:
        """Let nothing say that the vendor was told what it was not: the setting may have changed since the note."""
        if not conf.Account(link.account).tells_access_ids:
            outbox.forget_access_ids(link.account, Q(link=link))


KINDS: Mapping[str, ChangeKind] = {
    RemoteChange.Kind.REGISTER: Register(),
    RemoteChange.Kind.ATTACH_EXTERNAL_ID: AttachExternalId(),
    RemoteChange.Kind.CHANGE_EMAIL: ChangeEmail(),
    RemoteChange.Kind.CHANGE_PROFILE: ChangeProfile(),
    RemoteChange.Kind.ASSIGN_ACCESS_IDS: AssignAccessIds(),
}
