"""Readers, offers and articles."""

import uuid
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

#: plenigo's limit for the id of a product.
PRODUCT_ID_LENGTH = 20

#: What both of plenigo's APIs take, as the id of a product and as that of an access right.
validate_product_id = RegexValidator("^[0-9A-Za-z-]{2,20}$", _("Use 2 to 20 letters, digits and hyphens."))


class ReaderManager(BaseUserManager["Reader"]):
    """Creates readers and finds them by their e-mail address, however it is capitalised."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Reader":
        """Create a reader."""
        reader = self.model(email=self.normalize_email(email), **fields)
        reader.set_password(password)
        reader.save(using=self._db)
        return reader

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Reader":
        """Create somebody who may do everything in the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "Reader":
        """Return the reader who logs in with an address."""
        return self.get(email__iexact=email)


class Reader(AbstractBaseUser, PermissionsMixin):
    """A reader of the newspaper, known by the e-mail address.

    A user model of the site's own with a UUID as its key: any user model works with the package.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(
        _("e-mail address"), unique=True, error_messages={"unique": _("This e-mail address is already registered.")}
    )
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    verified_email = models.EmailField(
        _("verified e-mail address"),
        blank=True,
        default="",
        help_text=_(
            "The address that the reader has shown to be hers. It counts while it is the one she logs in with."
        ),
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may use the admin"), default=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects: ClassVar[ReaderManager] = ReaderManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        verbose_name = _("reader")
        verbose_name_plural = _("readers")
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="newspaper_reader_email",
                violation_error_message=_("This e-mail address is already registered."),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """Return first and last name, as far as they are known."""
        return f"{self.first_name} {self.last_name}".strip()


def has_verified_email(reader: Reader) -> bool:
    """Say whether the newspaper knows the address to be the reader's own. The package asks: see EMAIL_IS_VERIFIED."""
    return bool(reader.email) and reader.email == reader.verified_email


class Offer(models.Model):
    """A pass or subscription that opens many articles: a product that plenigo manages, by our own name."""

    class Period(models.TextChoices):
        """For how long the price is paid."""

        DAY = "day", _("for one day")
        MONTH = "month", _("a month")
        YEAR = "year", _("a year")

    product_id = models.CharField(
        _("product id"),
        max_length=PRODUCT_ID_LENGTH,
        unique=True,
        validators=[validate_product_id],
        help_text=_("Our own name of the product. PLENIGO in the settings says what plenigo calls it."),
    )
    title = models.CharField(_("title"), max_length=100)
    description = models.TextField(_("description"), blank=True)
    price = models.DecimalField(
        _("price"),
        max_digits=8,
        decimal_places=2,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("As shown on this site; plenigo charges the price of its own product."),
    )
    currency = models.CharField(_("currency"), max_length=3, default="EUR")
    period = models.CharField(_("period"), max_length=10, choices=Period.choices)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.title


class Article(models.Model):
    """An article. It is free where nothing is named that opens it."""

    class Section(models.TextChoices):
        """The parts of the newspaper, in the order of the front page."""

        CITY = "city", _("City")
        ECONOMY = "economy", _("Economy")
        CULTURE = "culture", _("Culture")
        SCIENCE = "science", _("Science")

    slug = models.SlugField(_("address"), unique=True)
    section = models.CharField(_("section"), max_length=20, choices=Section.choices)
    title = models.CharField(_("title"), max_length=150)
    teaser = models.TextField(_("teaser"), help_text=_("Everybody reads this."))
    body = models.TextField(_("text"), help_text=_("An empty line begins a paragraph; everybody reads the first one."))
    author = models.CharField(_("author"), max_length=100)
    published_at = models.DateTimeField(_("published at"), default=timezone.now)
    offers = models.ManyToManyField(
        Offer,
        verbose_name=_("offers"),
        related_name="articles",
        blank=True,
        help_text=_("Whoever has bought any of these reads the article."),
    )
    # NULL, not "": the id is unique, and most articles are not sold singly.
    product_id = models.CharField(
        _("product id"),
        max_length=PRODUCT_ID_LENGTH,
        unique=True,
        null=True,
        blank=True,
        validators=[validate_product_id],
        help_text=_("An id of your own choice, to sell this article singly."),
    )
    price = models.DecimalField(
        _("price"),
        max_digits=8,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text=_("The price of this single article, in euros."),
    )

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        ordering = ["-published_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(product_id__isnull=True, price__isnull=True)
                | models.Q(product_id__isnull=False, price__isnull=False),
                name="newspaper_article_sold_singly",
                violation_error_message=_("An article that is sold singly needs both a product id and a price."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the article's address."""
        return reverse("article", args=[self.slug])

    @property
    def product_ids(self) -> list[str]:
        """The ids of all products that open this article."""
        singly = [self.product_id] if self.product_id else []
        return singly + [offer.product_id for offer in self.offers.all()]

    @property
    def is_paid(self) -> bool:
        """Whether the article costs something."""
        return bool(self.product_ids)

    @property
    def opening(self) -> str:
        """The first paragraph."""
        return self.body.replace("\r\n", "\n").partition("\n\n")[0]
