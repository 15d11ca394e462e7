"""Support agents, and what they do."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import outbox
from tests.factories import UserFactory
from tests.portals.conftest import bind, boater, harbour

__all__ = ["agent_who_may", "bind", "boater", "confirm", "harbour", "link", "messages_of", "refuse", "text_of"]

#: What lets an agent look, and nothing more.
LOOKING = ("view_customerlink", "view_remotechange", "view_user")


@pytest.fixture
def agent_who_may(db: None) -> Callable[..., Client]:
    """Return the browser of an agent who may look, and do what is named."""

    def agent_who_may(*codenames: str, looking: tuple[str, ...] = LOOKING) -> Client:
        agent = UserFactory(is_staff=True)
        wanted = {*codenames, *looking}
        permissions = Permission.objects.filter(codename__in=wanted, content_type__app_label__in=["plenigo", "auth"])
        assert {permission.codename for permission in permissions} == wanted
        agent.user_permissions.set(permissions)
        client = Client()
        client.force_login(agent)
        client.agent = agent
        return client

    return agent_who_may


@pytest.fixture
def link(reader: Any) -> CustomerLink:
    """The link of a reader who is a customer."""
    return CustomerLink.objects.get(user=reader)


@pytest.fixture
def refuse() -> Callable[..., RemoteChange]:
    """Let plenigo have refused a change of a link."""

    def refuse(link: CustomerLink, error: Exception, kind: str = RemoteChange.Kind.CHANGE_EMAIL) -> RemoteChange:
        change = outbox.note(link, kind)
        outbox.refuse(change, error)
        change.refresh_from_db()
        return change

    return refuse


def text_of(response: Any) -> str:
    """Return a page, which must be one."""
    assert response.status_code == 200, response.status_code
    text: str = response.content.decode()
    return text


def messages_of(response: Any) -> list[str]:
    """Return what a page that was led to says about what has been done."""
    return [str(message) for message in response.context["messages"]]


def confirm(client: Client, address: str, *rows: Any, **fields: Any) -> Any:
    """Say yes on a page that asks, and go where it leads."""
    values = {"ids": ",".join(str(row.pk) for row in rows), "confirmed": "yes", **fields}
    return client.post(address, values, follow=True)
