"""What the endpoints around a reader's customer account have in common: sentences, the account, the browser."""

import logging
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import NotAuthenticated, NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from django_plenigo import backends, conf
from django_plenigo.api.refusals import Refusal, conflict_sentence
from django_plenigo.api.views import ReaderView, data_of, login_needed, page_of
from django_plenigo.errors import ConflictError, InvalidValueError, PlenigoError, RemoteError
from django_plenigo.protocols.base import BrowserTraits
from django_plenigo.services import devices
from django_plenigo.services.connection import FOR_READER, Event

logger = logging.getLogger(__name__)


class AccountView(ReaderView):
    """An endpoint for signed-in readers of an account whose API serves a need; 404 where it does not.

    A visitor gets 401 and `{"login_url": url}`, which comes back to the page that was named.
    """

    need: ClassVar[type]
    using = conf.DEFAULT_ACCOUNT

    def check_throttles(self, request: Request) -> None:
        """Find out the account first: what a reader is told who clicks too fast is about one."""
        # In no variable: a report of an error would show what else was sent.
        account = (request.query_params if request.method == "GET" else data_of(request)).get("account")
        self.using = self._account_of(account or conf.DEFAULT_ACCOUNT)
        super().check_throttles(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse visitors."""
        super().initial(request, *args, **kwargs)
        if self.reader is None:
            raise NotAuthenticated

    def _account_of(self, account: object) -> str:
        if not isinstance(account, str) or account not in conf.accounts():
            raise ParseError("The account is unknown.")
        if not backends.serves(self.need, account):
            generation = conf.Account(account).generation
            wanted = "v2" if generation == "v3" else "v3"
            logger.warning(
                "The endpoint %s takes API %s; PLENIGO[%r] has API %s", self.request.path, wanted, account, generation
            )
            raise NotFound
        return account

    def handle_exception(self, exc: Exception) -> Response:
        """Send a visitor to the log-in, and say in words what went wrong."""
        if isinstance(exc, NotAuthenticated):
            data = self.request.data if isinstance(self.request.data, dict) else {}
            return login_needed(page_of(data))
        return super().handle_exception(exc)

    def refusal_of(self, error: PlenigoError) -> Refusal:
        """Say in words what a reader can do about an error of her account."""
        if isinstance(error, ConflictError):
            return Refusal(status.HTTP_409_CONFLICT, conflict_sentence(error))
        if isinstance(error, InvalidValueError) and error.field == "email":
            return Refusal(status.HTTP_400_BAD_REQUEST, _("Please enter a valid e-mail address in your account first."))
        if isinstance(error, RemoteError) and error.retryable:
            logger.warning("plenigo could not be asked for a reader: %s", error)
            return Refusal(status.HTTP_503_SERVICE_UNAVAILABLE, str(FOR_READER[Event.UNAVAILABLE]))
        logger.error("plenigo could not be asked for a reader: %s", error)
        return Refusal(status.HTTP_502_BAD_GATEWAY, str(FOR_READER[Event.FAILED]))

    @property
    def traits(self) -> BrowserTraits:
        """What the vendor is told of the reader's browser."""
        request = self.request._request
        address = conf.client_address(request, conf.Account(self.using))
        agent = request.headers.get("User-Agent", "")
        return devices.traits_of(agent, source=request.get_host(), ip_address=address)
