"""Readers and their links."""

import factory
from django.contrib.auth import get_user_model

from django_plenigo.models import CustomerLink


class UserFactory(factory.django.DjangoModelFactory):
    """A reader of the site."""

    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda number: f"reader{number}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    first_name = "Ada"
    last_name = "Reader"


class LinkFactory(factory.django.DjangoModelFactory):
    """A reader's link that says what no vendor has heard of; see the fixture `reader` for a registered one."""

    class Meta:
        model = CustomerLink

    user = factory.SubFactory(UserFactory)
    customer_id = factory.Sequence(lambda number: f"CUSTOMER{number:04}")
    confirmed_email = factory.SelfAttribute("user.email")
