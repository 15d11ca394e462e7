"""A user model that is unlike Django's own."""

import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class Member(AbstractBaseUser, PermissionsMixin):
    """A member with a UUID key, a card number to log in with, and perhaps a mail address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    card_number = models.CharField(max_length=20, unique=True)
    mail = models.EmailField(blank=True, default="")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    objects = BaseUserManager()

    USERNAME_FIELD = "card_number"
    EMAIL_FIELD = "mail"

    class Meta:
        app_label = "members"

    def __str__(self) -> str:
        return self.card_number


class Patron(Member):
    """A member under another name: the same row."""

    class Meta:
        app_label = "members"
        proxy = True


class Columnist(Member):
    """A member with a row more."""

    column = models.CharField(max_length=50, default="")

    class Meta:
        app_label = "members"
