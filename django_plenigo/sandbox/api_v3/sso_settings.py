"""The settings of the single sign-on. Source: docs/protocols/plenigo-v3.md 6.1."""

from django.http import HttpResponse

from ..models import Application
from ..single_sign_on import settings_of
from .answers import answered, without_gaps
from .endpoints import Call, operation
from .fields import LANGUAGE, Text

REGISTRATION_IDENTIFIERS = {
    "requestCustomerId": "request_customer_id",
    "requestSubscriptionId": "request_subscription_id",
    "requestPostcode": "request_postcode",
    "requestStreet": "request_street",
    "requestStreetNumber": "request_street_number",
    "requestCity": "request_city",
}


@operation("getSsoProcessSettings", Application.PROCESSES)
def get_sso_process_settings(call: Call) -> HttpResponse:
    """Return the settings. The texts are the same in every language."""
    call.read_query({"language": Text(shortest=2, longest=2, pattern=LANGUAGE)})
    row = settings_of(call.company)
    settings = {
        "tokenType": row.token_type,
        "tokenSmsCountries": [part.strip() for part in row.token_sms_countries.split(",") if part.strip()],
        "allowedDomains": row.allowed_domains,
        "ssoName": row.sso_name,
        "ssoRecheckTerms": row.recheck_terms,
        "ssoOptIn": row.opt_in,
        "overrideForceUsername": row.override_force_username,
        "forceUsername": row.force_username,
        "maxSessions": row.max_sessions,
        "allowRegistrationIdentifier": row.allow_registration_identifier,
        "registrationIdentifiers": {name: getattr(row, column) for name, column in REGISTRATION_IDENTIFIERS.items()},
        "hideSalutation": row.hide_salutation,
        # Required by the vendor's schema, which does not define it.
        "newsletterAgreement": False,
    }
    texts = {"ssoOptInText": row.opt_in_text, "ssoTermText": row.term_text}
    return answered(
        {
            "settings": without_gaps(settings),
            "emergencyMode": row.emergency_mode,
            "disableSsoFunctionality": row.disable_sso,
            **without_gaps(texts),
            "allowedSalutations": ["NONE", "MRS", "MR", "DIVERSE"],
        }
    )
