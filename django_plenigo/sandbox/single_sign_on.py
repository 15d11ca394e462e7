"""The settings of the single sign-on. Source: docs/protocols/plenigo-v3.md 6.1 to 6.3."""

from .models import Company, SsoSettings

Name = SsoSettings.Name

#: The registration asks for a name and takes nothing else for an answer.
NAME_REQUIRED = frozenset({Name.REQUIRED, Name.REGISTRATION_REQUIRED, Name.REGISTRATION_REQUIRED_LOGIN_OPTIONAL})


def settings_of(company: Company) -> SsoSettings:
    """Return a company's settings, which are the defaults until somebody has changed them."""
    return SsoSettings.objects.filter(company=company).first() or SsoSettings(company=company)
