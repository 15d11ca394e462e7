"""plenigo's API v2 (docs/protocols/plenigo-v2.md). Loaded at the first use of a client, since it brings requests."""

from collections.abc import Sequence

from django_plenigo.protocols.base import SERVICE
from django_plenigo.protocols.plenigo_v2.answers import judge
from django_plenigo.protocols.plenigo_v2.client import PlenigoV2
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Adapter, Transport

__all__ = ["PlenigoV2", "connect"]


@without_secrets
def connect(
    *,
    base_url: str,
    company_id: str,
    secrets: Sequence[str],
    test_mode: bool,
    timeout_seconds: float,
    cache_alias: str,
    adapter: Adapter | None = None,
) -> PlenigoV2:
    """Return a client that talks to `base_url`, or through the given adapter where the vendor is this very process.

    Raises `ConfigurationError` for an address without TLS, and `InvalidValueError` for a blank id or secret.
    """
    transport = Transport(
        SERVICE,
        base_url,
        judge=judge,
        timeout_seconds=timeout_seconds,
        cache_alias=cache_alias,
        adapter=adapter,
    )
    return PlenigoV2(transport=transport, company_id=company_id, secrets=secrets, test_mode=test_mode)
