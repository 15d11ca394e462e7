"""The pages of a site that is served by another program."""

from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path


def change_addresses(request: HttpRequest) -> HttpResponse:
    """Give every reader another address, in one transaction."""
    with transaction.atomic():
        for user in get_user_model().objects.all():
            user.email = f"new{user.pk}@example.com"
            user.save()
    return HttpResponse("saved")


urlpatterns = [
    path("", lambda request: HttpResponse("served")),
    path("change/", change_addresses),
]
