"""plenigo's API v3 (docs/protocols/plenigo-v3.md). Loaded at the first use of a client, since it brings requests."""

from collections.abc import Sequence

from django_plenigo.protocols.base import SERVICE
from django_plenigo.protocols.plenigo_v3.answers import judge
from django_plenigo.protocols.plenigo_v3.client import PlenigoV3
from django_plenigo.tracebacks import without_secrets
from django_plenigo.transport import Adapter, Transport

__all__ = ["PlenigoV3", "connect"]


@without_secrets
def connect(
    *,
    base_url: str,
    secrets: Sequence[str],
    timeout_seconds: float,
    cache_alias: str,
    uses_own_customer_ids: bool = False,
    mirrors_access_ids: bool = False,
    adapter: Adapter | None = None,
) -> PlenigoV3:
    """Return a client that talks to `base_url`, or through the given adapter where the vendor is this very process.

    Raises `ConfigurationError` for an address without TLS, and `InvalidValueError` for a blank token.
    """
    transport = Transport(
        SERVICE,
        base_url,
        judge=judge,
        timeout_seconds=timeout_seconds,
        cache_alias=cache_alias,
        adapter=adapter,
    )
    return PlenigoV3(
        transport=transport,
        secrets=secrets,
        uses_own_customer_ids=uses_own_customer_ids,
        mirrors_access_ids=mirrors_access_ids,
    )
