"""What this site knows of its readers at the vendor. No model holds a secret, a token or a copy of vendor data."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from django_plenigo import conf
from django_plenigo.models.connections import AccountConnection, ConnectionTry
from django_plenigo.models.portals import PortalAccount, PortalHandover
from django_plenigo.models.webhooks import WebhookDelivery

__all__ = [
    "AccessId",
    "AccessImport",
    "AccessImportLine",
    "AccessImportPart",
    "AccountConnection",
    "ConnectionTry",
    "CustomerLink",
    "CustomerSession",
    "DeliveryPause",
    "PortalAccount",
    "PortalHandover",
    "RemoteChange",
    "WebhookDelivery",
]

#: On PostgreSQL an index serves `LIKE 'prefix%'` only if told so; elsewhere this says nothing.
PREFIX = ["varchar_pattern_ops"]


class CustomerLink(models.Model):
    """One local user as a customer of one account. A row alone says nothing: `is_registered` does."""

    account = models.CharField(
        _("account"), max_length=64, default="default", help_text=_("The alias in the setting PLENIGO.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="plenigo_links", verbose_name=_("user")
    )
    # NULL, not "", in the two ids: each is unique, and many links have none yet.
    customer_id = models.CharField(  # noqa: DJ001
        _("customer id"), max_length=100, null=True, blank=True, help_text=_("Given by plenigo; empty until known.")
    )
    external_id = models.CharField(  # noqa: DJ001
        _("external id"), max_length=100, null=True, blank=True, help_text=_("This site's own id of the customer.")
    )
    # Each API has ids of its own, so one that the other has given is nobody's there, or a stranger's.
    customer_id_generation = models.CharField(
        _("API of the customer id"), max_length=2, blank=True, default="", db_default="", editable=False
    )
    confirmed_email = models.EmailField(
        _("confirmed e-mail address"),
        blank=True,
        default="",
        help_text=_("The last address that plenigo has acknowledged."),
    )
    confirmed_first_name = models.CharField(_("confirmed first name"), max_length=255, blank=True, default="")
    confirmed_last_name = models.CharField(_("confirmed last name"), max_length=255, blank=True, default="")
    confirmed_language = models.CharField(_("confirmed language"), max_length=2, blank=True, default="")
    confirmed_at = models.DateTimeField(
        _("confirmed at"),
        null=True,
        blank=True,
        help_text=_("When plenigo last acknowledged anything of this customer."),
    )
    # What an agent types is searched for here, whatever its case; the database keeps it in step.
    email_key = models.GeneratedField(
        expression=Lower("confirmed_email"), output_field=models.CharField(max_length=254), db_persist=True
    )
    # Whoever has written a lease, and until when, is the only one to call the vendor about this customer.
    lease = models.UUIDField(null=True, blank=True, editable=False)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("customer link")
        verbose_name_plural = _("customer links")
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="plenigo_link_user"),
            models.UniqueConstraint(fields=["account", "customer_id"], name="plenigo_link_customer_id"),
            models.UniqueConstraint(fields=["account", "external_id"], name="plenigo_link_external_id"),
        ]
        indexes = [
            models.Index(fields=["customer_id"], opclasses=PREFIX, name="plenigo_link_customer_prefix"),
            models.Index(fields=["external_id"], opclasses=PREFIX, name="plenigo_link_external_prefix"),
            models.Index(fields=["email_key"], opclasses=PREFIX, name="plenigo_link_email_prefix"),
        ]
        permissions = [
            ("register_customerlink", "Can register users with plenigo"),
            ("check_customerlink", "Can check customers at plenigo"),
            ("view_ssosettings", "Can see the settings of plenigo's single sign-on"),
            ("view_accountstates", "Can see the state of the accounts"),
        ]

    def __str__(self) -> str:
        # Neither an address nor an id: this text stands in logs and on error pages.
        return f"{self.account} {self.pk}"

    def save(self, *args: Any, **options: Any) -> None:
        """Save; the customer id of a new link is taken for one of the API that the account speaks."""
        is_unsaid = bool(self.customer_id) and not self.customer_id_generation
        if self._state.adding and is_unsaid and self.account in conf.accounts():
            self.customer_id_generation = conf.Account(self.account).generation
        super().save(*args, **options)

    @property
    def has_customer_id(self) -> bool:
        """Whether there is a customer id, and the API that the account speaks has given it.

        Where nobody has said which API that was, it was v2: see docs/moving-to-v3.md. An account that is gone from the
        settings speaks none, and its links stay as they are.
        """
        if not self.customer_id or self.account not in conf.accounts():
            return bool(self.customer_id)
        return (self.customer_id_generation or "v2") == conf.Account(self.account).generation

    @property
    def is_registered(self) -> bool:
        """Whether the vendor knows this reader, by either id.

        Where external ids are customer ids, not by the external id alone: it may be a stranger's number until somebody
        has compared the addresses. See docs/moving-to-v3.md.
        """
        if self.has_customer_id or not self.external_id:
            return self.has_customer_id
        return self.account not in conf.accounts() or not conf.Account(self.account).external_id_is_customer_id


class AccessId(models.Model):
    """A further key, by which a customer's access can be asked for: of a CRM, a billing system, a printer."""

    link = models.ForeignKey(
        CustomerLink, on_delete=models.CASCADE, related_name="access_ids", verbose_name=_("customer link")
    )
    account = models.CharField(_("account"), max_length=64, default="default", editable=False)
    slot = models.PositiveSmallIntegerField(_("slot"), help_text=_("1 to 4, the position at plenigo."))
    value = models.CharField(_("access id"), max_length=100)
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("imported by"),
    )
    imported_at = models.DateTimeField(_("imported at"))
    imported_from = models.CharField(_("imported from"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("access id")
        verbose_name_plural = _("access ids")
        constraints = [
            models.UniqueConstraint(fields=["link", "slot"], name="plenigo_access_id_link_slot"),
            # Whatever the slot: a value is a key to one customer.
            models.UniqueConstraint(fields=["account", "value"], name="plenigo_access_id_value"),
            models.CheckConstraint(condition=models.Q(slot__gte=1, slot__lte=4), name="plenigo_access_id_slot"),
        ]
        indexes = [models.Index(fields=["value"], opclasses=PREFIX, name="plenigo_access_id_prefix")]
        permissions = [("import_accessid", "Can import access ids")]

    def __str__(self) -> str:
        # Not the value: it is a key.
        return f"{self.account} {self.link_id} {self.slot}"


class CustomerSession(models.Model):
    """A customer's session at the vendor, which API v3 hands to pages by transfer tokens. One for each link."""

    link = models.OneToOneField(
        CustomerLink, on_delete=models.CASCADE, related_name="session", verbose_name=_("customer link")
    )
    # By the site's SECRET_KEY; what no key can read any more counts as none.
    encrypted_session = models.TextField(editable=False)
    started_at = models.DateTimeField(_("started at"))

    class Meta:
        verbose_name = _("customer session")
        verbose_name_plural = _("customer sessions")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.link_id}"


class AccessImport(models.Model):
    """A file on its way into this site: of access ids, or of one portal's references. It is applied in chunks.

    Each chunk writes its position with what it imports.
    """

    class State(models.TextChoices):
        """How far a file has come."""

        PLANNING = "planning", _("being checked")
        PLANNED = "planned", _("waiting for a yes")
        APPLYING = "applying", _("being imported")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")

    # Whose access ids they are. References are of no account: of theirs it is the one whose due work they go with.
    account = models.CharField(_("account"), max_length=64, default="default", editable=False)
    # The default is the database's too: a server that still runs the release before adds rows without it.
    portal = models.CharField(
        _("portal"),
        max_length=32,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("Whose references are imported; empty for access IDs."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created at"))
    file_name = models.CharField(_("file name"), max_length=200, blank=True, default="")
    file_format = models.CharField(_("format"), max_length=8, editable=False)
    file_bytes = models.PositiveBigIntegerField(_("size in bytes"), default=0, editable=False)
    # How the file is read: the delimiter, the first line, and which column is what.
    layout = models.JSONField(_("layout"), default=dict, editable=False)
    is_large = models.BooleanField(
        _("is large"), default=False, help_text=_("Whether it is worked on in the background.")
    )
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.PLANNING)
    line_count = models.PositiveIntegerField(_("lines"), default=0)
    new_count = models.PositiveIntegerField(_("new"), default=0)
    changed_count = models.PositiveIntegerField(_("changed"), default=0)
    same_count = models.PositiveIntegerField(_("the same"), default=0)
    bad_count = models.PositiveIntegerField(_("bad"), default=0)
    applied_count = models.PositiveIntegerField(_("imported"), default=0)
    last_line = models.PositiveIntegerField(
        _("last line"), default=0, help_text=_("The number of the last line of the file.")
    )
    position = models.PositiveIntegerField(
        _("position"), default=0, help_text=_("The number of the last line that was worked on.")
    )
    # When planning began: what was entered later the plan may not have seen.
    planned_at = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0, editable=False)
    lease = models.UUIDField(null=True, blank=True, editable=False)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")
    last_error_type = models.CharField(_("kind of the last error"), max_length=64, blank=True, default="")
    last_error_line = models.PositiveIntegerField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("import of a file")
        verbose_name_plural = _("imports of files")
        indexes = [models.Index(fields=["state", "id"], name="plenigo_import_state")]

    def __str__(self) -> str:
        return f"{self.account} {self.pk}"


class AccessImportPart(models.Model):
    """A piece of an uploaded file, deleted with the rest once the file is imported. No path of this site shows it."""

    access_import = models.ForeignKey(AccessImport, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["access_import", "number"], name="plenigo_import_part_number")]

    def __str__(self) -> str:
        return f"{self.access_import_id} {self.number}"


class AccessImportLine(models.Model):
    """A line of a file that was not imported, with all its cells, so that it can be mended and fed back in."""

    access_import = models.ForeignKey(
        AccessImport, on_delete=models.CASCADE, related_name="bad_lines", verbose_name=_("import of a file")
    )
    number = models.PositiveIntegerField(_("line"))
    column = models.CharField(_("column"), max_length=200, blank=True, default="")
    value = models.CharField(_("value"), max_length=200, blank=True, default="")
    # No choices here, so that a further reason is no migration; `services.access_ids.Reason` has the sentences.
    reason = models.CharField(_("reason"), max_length=32)
    other_line = models.PositiveIntegerField(_("other line"), null=True, blank=True)
    cells = models.JSONField(_("cells"), default=list)

    class Meta:
        verbose_name = _("bad line")
        verbose_name_plural = _("bad lines")
        default_permissions = ("view",)
        constraints = [models.UniqueConstraint(fields=["access_import", "number"], name="plenigo_import_line_number")]

    def __str__(self) -> str:
        # Neither the value nor the cells: they are keys, and may be addresses.
        return f"{self.access_import_id} {self.number}"


class RemoteChange(models.Model):
    """One thing of a link that the vendor must be told: which thing, never its value.

    A row is a state, not an event: out of step while `noted > delivered`. There is one for each link and kind.
    """

    class Kind(models.TextChoices):
        """What of the link is out of step, in the order in which the vendor must be told."""

        REGISTER = "register", _("register")
        ATTACH_EXTERNAL_ID = "attach_external_id", _("attach the external id")
        CHANGE_EMAIL = "change_email", _("change the e-mail address")
        CHANGE_PROFILE = "change_profile", _("change names and language")
        ASSIGN_ACCESS_IDS = "assign_access_ids", _("assign access ids")

    link = models.ForeignKey(
        CustomerLink,
        on_delete=models.CASCADE,
        related_name="remote_changes",
        db_index=False,  # the unique constraint begins with it
        verbose_name=_("customer link"),
    )
    account = models.CharField(_("account"), max_length=64, default="default", editable=False)
    kind = models.CharField(_("kind"), max_length=32, choices=Kind.choices)
    noted = models.PositiveIntegerField(_("noted"), default=0)
    delivered = models.PositiveIntegerField(_("delivered"), default=0)
    noted_at = models.DateTimeField(_("noted at"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0, help_text=_("Failed ones since it was noted."))
    # How many of the last attempts, one after another, ended with an answer that nobody could read. The default is the
    # database's too: a server that still runs the release before adds rows without it.
    unreadable_answers = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    due_at = models.DateTimeField(
        _("due at"), null=True, blank=True, help_text=_("When to send it; empty while nothing is to be sent.")
    )
    refused_at = models.DateTimeField(_("refused at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")
    last_error_type = models.CharField(_("kind of the last error"), max_length=64, blank=True, default="")
    # Of a refused change: by this hash another value is told from the one that an agent has left as it is; "" where
    # none has. It says nothing of a row that is not refused.
    left_value_hash = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)

    class Meta:
        verbose_name = _("remote change")
        verbose_name_plural = _("remote changes")
        constraints = [models.UniqueConstraint(fields=["link", "kind"], name="plenigo_change_link_kind")]
        indexes = [
            # What is in step or refused has no due_at, so the work of a claim does not grow with the history.
            models.Index(fields=["account", "due_at", "id"], name="plenigo_change_due"),
            models.Index(fields=["refused_at"], name="plenigo_change_refused"),
        ]
        permissions = [
            ("send_remotechange", "Can send remote changes again"),
            ("leave_remotechange", "Can leave refused changes as they are"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.link_id}"

    @property
    def is_refused(self) -> bool:
        """Whether no retry can mend this; an agent has to look."""
        return self.refused_at is not None and not self.left_value_hash

    @property
    def is_left(self) -> bool:
        """Whether the vendor has refused this, and an agent has decided that both sides stay as they are."""
        return self.refused_at is not None and bool(self.left_value_hash)

    @property
    def is_waiting(self) -> bool:
        """Whether the vendor is still to be told."""
        return self.noted > self.delivered and self.refused_at is None


class DeliveryPause(models.Model):
    """An account that is told nothing for a while: its credentials are refused, or the vendor asked for patience."""

    account = models.CharField(_("account"), max_length=64, unique=True)
    paused_at = models.DateTimeField(_("paused at"))
    until = models.DateTimeField(_("until"))
    last_error = models.CharField(_("last error"), max_length=200, blank=True, default="")
    last_error_type = models.CharField(_("kind of the last error"), max_length=64, blank=True, default="")

    class Meta:
        verbose_name = _("delivery pause")
        verbose_name_plural = _("delivery pauses")

    def __str__(self) -> str:
        return self.account
