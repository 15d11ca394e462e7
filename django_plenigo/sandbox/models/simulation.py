"""The dials of the sandbox: its clock, its faults, and the request tokens that it has seen."""

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from .merchant import Company

#: Long enough for every timeout, short enough not to hold a thread for ever.
LONGEST_DELAY_SECONDS = 600


class Clock(models.Model):
    """How far the sandbox's clock is ahead of the real one. There is one row at most."""

    #: Not an automatic number: MariaDB allows no constraint on one.
    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    offset = models.DurationField(_("ahead by"), default=timedelta())

    class Meta:
        verbose_name = _("clock")
        verbose_name_plural = _("clock")
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="plenigo_sandbox_one_clock"),
        ]

    def __str__(self) -> str:
        return str(self.offset)


class Fault(models.Model):
    """Something that goes wrong on purpose."""

    class Kind(models.TextChoices):
        """What goes wrong."""

        STATUS = "status", _("another status")
        DELAY = "delay", _("a delay")
        CUT = "cut", _("the connection is cut off")
        GARBAGE = "garbage", _("a page instead of JSON")

    endpoint = models.CharField(
        _("endpoint"), max_length=60, blank=True, default="", help_text=_("Empty means every endpoint of the API.")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    remaining = models.PositiveIntegerField(
        _("calls left"), null=True, blank=True, default=1, help_text=_("Empty means always, until you delete it.")
    )
    after_work = models.BooleanField(
        _("after the work"),
        default=False,
        help_text=_("The sandbox does what it was asked, and only the answer goes wrong."),
    )
    status = models.PositiveSmallIntegerField(
        _("status"), default=503, validators=[MinValueValidator(200), MaxValueValidator(599)]
    )
    retry_after_seconds = models.PositiveIntegerField(_("Retry-After in seconds"), null=True, blank=True)
    body = models.TextField(_("body"), blank=True, default="", help_text=_("Empty means a JSON body with an error."))
    delay_seconds = models.FloatField(
        _("delay in seconds"),
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(LONGEST_DELAY_SECONDS)],
    )

    class Meta:
        verbose_name = _("fault")
        verbose_name_plural = _("fault dial")

    def __str__(self) -> str:
        return f"{self.kind} {self.endpoint}".strip()


class UsedTokenId(models.Model):
    """The `jti` of a request token, remembered until the token is too old anyway."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+", verbose_name=_("company"))
    digest = models.CharField(_("digest"), max_length=64)
    #: Unix seconds of the real time: authentication knows nothing of the sandbox's clock.
    forget_at = models.BigIntegerField(_("forget at"), db_index=True)

    class Meta:
        verbose_name = _("used token id")
        verbose_name_plural = _("used token ids")
        constraints = [
            models.UniqueConstraint(fields=["company", "digest"], name="plenigo_sandbox_used_token_id"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
