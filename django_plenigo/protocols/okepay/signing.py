"""What calls of OkePay are signed with (docs/protocols/okepay.md 2)."""

import base64
import hmac
from collections.abc import Sequence
from urllib.parse import quote_plus, urlencode

#: The vendor's name in errors and logs.
SERVICE = "OkePay"


def signed_text(parameters: Sequence[tuple[str, str]]) -> str:
    """Return what is signed of a call: its parameters in their order, as PHP's http_build_query writes them (RFC 1738).

    The body is written otherwise, by RFC 3986, so that is not what is signed.
    """
    return urlencode(parameters, safe="", quote_via=quote_plus).replace("~", "%7E")


def api_signature(secret: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Return the `ApiSignature` of a call. Whoever has it can make the same call for ever: it is logged nowhere."""
    digest = hmac.digest(secret.encode(), signed_text(parameters).encode(), "sha256")
    return base64.b64encode(digest).decode("ascii")
