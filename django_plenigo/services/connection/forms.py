"""What a reader enters, as the settings ask for it (docs/protocols/plenigo-v3.md 6.3). Pages and JSON share it."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from django_plenigo.protocols.base import CONTROL_CHARACTER, NameQuery, SsoSettings, TokenType

#: The vendor's limits, in characters (docs/protocols/plenigo-v3.md 6.4).
TEXT_LENGTH = 100
CODE_LENGTH = 6

_TEXT = RegexValidator(CONTROL_CHARACTER, _("Please enter this without control characters."), inverse_match=True)
_CUSTOMER_ID = RegexValidator(r"^[0-9]{1,18}\Z", _("A customer number has digits only, at most 18."))
_SUBSCRIPTION_ID = RegexValidator(r"^[0-9]{1,19}\Z", _("A subscription number has digits only, at most 19."))
_MOBILE_NUMBER = RegexValidator(
    r"^\+[1-9][0-9]{1,14}\Z", _("Please enter the number with its country, such as +4915112345678.")
)


class _MobileNumberField(forms.CharField):
    """A number as people write it: with blanks, hyphens, brackets, or 00 in front."""

    def to_python(self, value: Any) -> str:
        digits = str(super().to_python(value) or "").translate(str.maketrans("", "", " -/()."))
        return f"+{digits[2:]}" if digits.startswith("00") else digits


def _field(label: Any, *validators: RegexValidator, required: bool = True, **attributes: str) -> Any:
    kind = _MobileNumberField if _MOBILE_NUMBER in validators else forms.CharField
    return kind(
        label=label,
        required=required,
        max_length=TEXT_LENGTH,
        validators=[_TEXT, *validators],
        widget=forms.TextInput(attrs=attributes),
    )


class ConnectionForm(forms.Form):
    """The fields that the settings ask for: shown and required, or neither shown nor sent."""

    def __init__(self, settings: SsoSettings, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        requested = settings.requested
        names = settings.name_query
        is_named = names is not NameQuery.NOT_SHOWN
        is_required = names is NameQuery.REQUIRED
        is_sms = settings.token_type is TokenType.SMS
        fields: dict[str, tuple[bool, Any]] = {
            "customer_id": (
                requested.customer_id,
                _field(_("Customer number"), _CUSTOMER_ID, inputmode="numeric", autocomplete="off"),
            ),
            "subscription_id": (
                requested.subscription_id,
                _field(_("Subscription number"), _SUBSCRIPTION_ID, inputmode="numeric", autocomplete="off"),
            ),
            "first_name": (is_named, _field(_("First name"), required=is_required, autocomplete="given-name")),
            "last_name": (is_named, _field(_("Last name"), required=is_required, autocomplete="family-name")),
            "street": (requested.street, _field(_("Street"), autocomplete="address-line1")),
            "street_number": (requested.street_number, _field(_("House number"), autocomplete="off")),
            "postcode": (requested.postcode, _field(_("ZIP code"), autocomplete="postal-code")),
            "city": (requested.city, _field(_("City"), autocomplete="address-level2")),
            "username": (settings.forces_username, _field(_("Username"), autocomplete="username")),
            "mobile_number": (
                is_sms,
                _field(_("Mobile number"), _MOBILE_NUMBER, inputmode="tel", autocomplete="tel"),
            ),
            "password": (
                True,
                forms.CharField(
                    label=_("New password"),
                    help_text=_("With your e-mail address and this password you will log in to your subscription."),
                    max_length=TEXT_LENGTH,
                    strip=False,
                    validators=[_TEXT],
                    # Never given back: the form may be shown again.
                    widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=False),
                ),
            ),
        }
        self.fields = {name: field for name, (is_shown, field) in fields.items() if is_shown}
        if "mobile_number" in self.fields and settings.sms_countries:
            text = _("Codes are sent to numbers of these countries: %(countries)s.")
            self.fields["mobile_number"].help_text = text % {"countries": ", ".join(settings.sms_countries)}


class CodeForm(forms.Form):
    """The code that the reader was sent."""

    code = forms.CharField(
        label=_("Code"),
        max_length=CODE_LENGTH,
        validators=[_TEXT],
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autocapitalize": "characters"}),
    )
    #: Which connection the page was shown for: another tab may have begun a new one.
    connection = forms.IntegerField(required=False, widget=forms.HiddenInput)
