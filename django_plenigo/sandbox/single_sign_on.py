"""The settings of the single sign-on. Source: docs/protocols/plenigo-v3.md 6.1 to 6.3."""

from urllib.parse import urlsplit

from .models import Company, SsoSettings

Name = SsoSettings.Name

#: The registration asks for a name and takes nothing else for an answer.
NAME_REQUIRED = frozenset({Name.REQUIRED, Name.REGISTRATION_REQUIRED, Name.REGISTRATION_REQUIRED_LOGIN_OPTIONAL})


def settings_of(company: Company) -> SsoSettings:
    """Return a company's settings, which are the defaults until somebody has changed them."""
    return SsoSettings.objects.filter(company=company).first() or SsoSettings(company=company)


def allows_origin(settings: SsoSettings, origin: str) -> bool:
    """Say whether a page of this origin may show log-ins and check-outs. Our choice: subdomains may, too."""
    domains = [domain.strip().lower() for domain in settings.allowed_domains.split(",") if domain.strip()]
    host = urlsplit(origin).hostname or ""
    return not domains or any(host == domain or host.endswith("." + domain) for domain in domains)


def is_shut(settings: SsoSettings) -> bool:
    """Say whether nobody can log in at present."""
    return settings.disable_sso or settings.emergency_mode != SsoSettings.EmergencyMode.NONE
