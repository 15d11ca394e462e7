"""The forms of the readers."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm
from django.utils.translation import gettext_lazy as _

from newspaper.models import Reader


class LogInForm(AuthenticationForm):
    """Ask for e-mail address and password."""

    username = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )


class RegistrationForm(BaseUserCreationForm):
    """Ask for what a new reader needs: an e-mail address and a password."""

    class Meta:
        model = Reader
        fields = ["email"]
        widgets = {"email": forms.EmailInput(attrs={"autocomplete": "email"})}


class EmailForm(forms.ModelForm):
    """Change the e-mail address; the password shows that it is the reader who asks."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=_("So that nobody else changes your address while you are away from the keyboard."),
    )

    class Meta:
        model = Reader
        fields = ["email"]
        labels = {"email": _("New e-mail address")}
        widgets = {"email": forms.EmailInput(attrs={"autocomplete": "email"})}

    def clean_password(self) -> str:
        """Refuse a wrong password."""
        password: str = self.cleaned_data["password"]
        if not self.instance.check_password(password):
            raise forms.ValidationError(_("This is not your password."), code="wrong_password")
        return password
