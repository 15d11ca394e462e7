"""How readers connected imported subscriptions, without what they entered: of that a salted hash at most."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class AccountConnection(models.Model):
    """One try of a reader to connect an imported subscription, from its first page to its last.

    The hashes are salted with the site's SECRET_KEY: they count tries, and say which tries belong together.
    """

    class State(models.TextChoices):
        """How far it has come."""

        PENDING = "pending", _("waits for the code")
        REFUSED = "refused", _("refused")
        DONE = "done", _("done")
        UNDONE = "undone", _("undone")

    account = models.CharField(_("account"), max_length=64, default="default", editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("user"),
    )
    link = models.ForeignKey(
        "plenigo.CustomerLink",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="connections",
        verbose_name=_("customer link"),
    )
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.PENDING)
    # No choices here, so that a further reason is no migration; `services.connection.Event` has the words.
    reason = models.CharField(_("reason"), max_length=32, blank=True, default="")
    started_at = models.DateTimeField(_("started at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    # While the vendor is asked about a code, no other click or tab asks too.
    leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    # The text itself, not which one it was: plenigo tells no more than the terms of now. The default is the database's
    # too: a server that still runs the release before adds rows without it.
    terms_text = models.CharField(_("terms agreed to"), max_length=2000, blank=True, default="", db_default="")
    wrong_codes = models.PositiveSmallIntegerField(_("wrong codes"), default=0)
    # Between the vendor's yes and the link: an outage in between must not cost the reader her only code. By the site's
    # SECRET_KEY, and gone once the connection has ended.
    encrypted_session = models.TextField(blank=True, default="", editable=False)
    email_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    customer_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    subscription_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    mobile_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    client_hash = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("account connection")
        verbose_name_plural = _("account connections")
        indexes = [
            models.Index(fields=["state", "id"], name="plenigo_connection_state"),
            models.Index(fields=["started_at"], name="plenigo_connection_started"),
            models.Index(fields=["email_hash"], name="plenigo_connection_email"),
            models.Index(fields=["customer_hash"], name="plenigo_connection_customer"),
            models.Index(fields=["subscription_hash"], name="plenigo_connection_number"),
            models.Index(fields=["mobile_hash"], name="plenigo_connection_mobile"),
            models.Index(fields=["client_hash"], name="plenigo_connection_client"),
        ]
        permissions = [("undo_accountconnection", "Can undo account connections")]

    def __str__(self) -> str:
        return f"{self.account} {self.pk}"


class ConnectionTry(models.Model):
    """One step of a connection that plenigo was asked for, or that was refused before: the log, and what is counted."""

    class Step(models.TextChoices):
        """Which step."""

        START = "start", _("details")
        CODE = "code", _("code")
        RESEND = "resend", _("another code")
        SIGN_IN = "sign_in", _("log-in at plenigo")

    connection = models.ForeignKey(
        AccountConnection, on_delete=models.CASCADE, related_name="tries", verbose_name=_("account connection")
    )
    step = models.CharField(_("step"), max_length=8, choices=Step.choices)
    # "" while plenigo is being asked. No choices, as above.
    outcome = models.CharField(_("outcome"), max_length=32, blank=True, default="")
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("step of an account connection")
        verbose_name_plural = _("steps of account connections")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.connection_id} {self.step}"
