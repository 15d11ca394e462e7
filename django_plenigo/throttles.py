"""Bounds how often one reader may have the vendor asked. Loaded at its first use only, since it imports DRF."""

import logging

from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from django_plenigo import conf
from django_plenigo.errors import ConfigurationError

logger = logging.getLogger(__name__)


class ReaderThrottle(SimpleRateThrottle):
    """Count the calls of a reader, or of a visitor's address as `conf.client_address` tells it."""

    def get_rate(self) -> str:
        """Return the rate in DRF's notation; it is read from the settings at each request."""
        raise NotImplementedError

    def allow_request(self, request: Request | HttpRequest, view: APIView | None) -> bool:
        """Count a call and say whether it is one too many. While the cache is down none is."""
        try:
            return bool(super().allow_request(request, view))  # type: ignore[arg-type]  # a Django request serves too
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - each kind of cache fails with exceptions of its own
            logger.warning("The default cache is down (%s): nothing is throttled", type(error).__name__)
            return True

    def get_cache_key(self, request: Request | HttpRequest, view: APIView | None) -> str:
        """Return one key a reader. It is hashed: an address is personal data."""
        # A site may have DRF know no anonymous user: then there is none at all.
        if request.user and request.user.is_authenticated:
            who = f"user {request.user.pk}"
        else:
            who = f"address {conf.client_address(getattr(request, '_request', request), conf.Account())}"
        return f"plenigo:{self.scope}:{salted_hmac('django_plenigo.throttle', who, algorithm='sha256').hexdigest()}"


class ClickThrottle(ReaderThrottle):
    """At most CLICKS_PER_MINUTE checkouts, login tokens and links into portals a minute."""

    scope = "click"

    def get_rate(self) -> str:
        """Return the rate of clicks."""
        return f"{conf.Account().clicks_per_minute}/min"


class CheckThrottle(ReaderThrottle):
    """At most CHECKS_PER_MINUTE questions a minute whether a purchase has arrived."""

    scope = "check"

    def get_rate(self) -> str:
        """Return the rate of questions."""
        return f"{conf.Account().checks_per_minute}/min"
