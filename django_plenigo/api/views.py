"""The JSON endpoints of our script. Each answers with what was asked, or with a sentence for the reader."""

import json
import logging
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.middleware.csrf import get_token
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException, ParseError, PermissionDenied, Throttled
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from django_plenigo import conf
from django_plenigo.errors import ConflictError, InvalidValueError, PlenigoError, RemoteError
from django_plenigo.services import access, checkout, customers
from django_plenigo.throttles import CheckThrottle, ClickThrottle

logger = logging.getLogger(__name__)


class ReaderView(APIView):
    """A JSON endpoint for the browser of a reader: session and CSRF token, private answers, sentences for errors."""

    authentication_classes = [SessionAuthentication]
    # Named one by one: what a site has set for its own API does not hold here.
    permission_classes = []
    throttle_classes = []
    versioning_class = None
    content_negotiation_class = DefaultContentNegotiation
    parser_classes = [JSONParser]
    renderer_classes = [JSONRenderer]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Make every answer private."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "private, no-store"
        return response

    def handle_exception(self, exc: Exception) -> Response:
        """Answer with a sentence, never with an error number or a stack trace."""
        if isinstance(exc, Throttled):
            exc.detail = _("Too many tries. Please wait a minute and try again.")  # type: ignore[assignment]  # one text
        elif isinstance(exc, PermissionDenied):  # the CSRF token
            exc.detail = _("Please reload the page and try again.")  # type: ignore[assignment]  # one text
        elif isinstance(exc, PlenigoError):
            exc = as_refusal(exc)
        return super().handle_exception(exc)

    def get_exception_handler(self) -> Any:
        """Return DRF's own handler: our script reads `detail`."""
        return exception_handler

    @property
    def reader(self) -> Any:
        """The signed-in reader, None for a visitor. DRF knows no user at all where a site has told it so."""
        user = self.request.user
        return user if user and user.is_authenticated else None


class Refusal(APIException):
    """A sentence for the reader with an HTTP status."""

    def __init__(self, status_code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status_code = status_code


def as_refusal(error: PlenigoError) -> Refusal:
    """Say in words what a reader can do about an error."""
    if isinstance(error, ConflictError):
        return Refusal(status.HTTP_409_CONFLICT, conflict_sentence(error))
    if isinstance(error, InvalidValueError) and error.field == "offer":
        return Refusal(status.HTTP_410_GONE, _("This offer is out of date. Please reload the page and try again."))
    if isinstance(error, InvalidValueError) and error.field == "email":
        return Refusal(status.HTTP_400_BAD_REQUEST, _("Please enter a valid e-mail address in your account first."))
    if isinstance(error, InvalidValueError) and error.field == "signature":
        return Refusal(status.HTTP_400_BAD_REQUEST, _("This address is incomplete."))
    if isinstance(error, RemoteError) and error.retryable:
        logger.warning("A checkout could not be opened: %s", error)
        sentence = _("We could not open the checkout. Nothing was charged. Please try again.")
        return Refusal(status.HTTP_503_SERVICE_UNAVAILABLE, sentence)
    # Another try would end alike.
    logger.error("A checkout could not be opened: %s", error)
    sentence = _("We could not open the checkout. Nothing was charged. Please contact us.")
    return Refusal(status.HTTP_502_BAD_GATEWAY, sentence)


def conflict_sentence(error: ConflictError) -> str:
    """Say whose what is that a reader's checkout needs."""
    if error.code == customers.EXTERNAL_ID_OF_ANOTHER:
        return _("Your customer number is already used by another reader's account. Please contact us.")
    if error.code == customers.CUSTOMER_OF_ANOTHER:
        return _("Your customer account already belongs to another reader's account on this site. Please contact us.")
    return _("Your e-mail address is already used by another customer account. Please contact us.")


class CsrfTokenView(ReaderView):
    """Hand out the CSRF token on the click: the page may be an hour old, or come out of a cache."""

    def get(self, request: Request) -> Response:
        """Answer `{"csrf_token": text, "header": name}`; the cookie or session that belongs to it is set."""
        return Response({"csrf_token": get_token(request._request), "header": conf.csrf_header()})


class CheckoutView(ReaderView):
    """Open a checkout: register the reader where need be, mint a login token, sign."""

    throttle_classes = [ClickThrottle]

    def post(self, request: Request) -> Response:
        """Answer `{"function": name, "arguments": object}` for `{"offer": signed, "page": path}`.

        A visitor gets 401 and `{"login_url": url}`, which comes back to the page.
        """
        data = data_of(request)
        page = page_of(data)
        if self.reader is None:
            return login_needed(page)
        offer = checkout.read_offer(data.get("offer"))
        target = checkout.PurchaseReturn((str(offer.order.product_id),), page, offer.using)
        target_url = checkout.return_url(request.build_absolute_uri("/").rstrip("/"), target)
        call = checkout.open_checkout(self.reader, offer, target_url=target_url)
        access.expect_purchase(self.reader, using=offer.using)
        return Response({"function": call.function, "arguments": json.loads(call.arguments_json)})


class LoginTokenView(ReaderView):
    """Mint a login token for a snippet whose own was spent or is too old."""

    throttle_classes = [ClickThrottle]

    def post(self, request: Request) -> Response:
        """Answer `{"login_token": text}` for `{"account": alias, "page": path}`; a visitor as for a checkout."""
        data = data_of(request)
        if self.reader is None:
            return login_needed(page_of(data))
        account = data.get("account")
        if account not in conf.accounts():
            raise ParseError("The account is unknown.")
        login = checkout.mint_login(customers.register(self.reader, using=account), user=self.reader)
        access.expect_purchase(self.reader, using=account)
        return Response({"login_token": login.value})


class PurchaseView(ReaderView):
    """Say whether the purchase has arrived that a reader comes back from."""

    throttle_classes = [CheckThrottle]

    def get(self, request: Request) -> Response:
        """Answer `{"is_bought": bool, "next": path}` for the query of the return page; a visitor as for a checkout."""
        target = checkout.read_return(request.query_params)
        if self.reader is None:
            return login_needed(checkout.return_path(target))
        answer = access.confirm_purchase(self.reader, target.product_ids, using=target.using)
        return Response({"is_bought": answer is access.Access.BOUGHT, "next": target.next_path or "/"})


def data_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that was sent. Raises DRF's `ParseError` for anything else."""
    if not isinstance(request.data, dict):
        raise ParseError("The body must be a JSON object.")
    return request.data


def page_of(data: dict[str, Any]) -> str:
    """Return the page of this site that a click came from, "" where it is none of this site's paths."""
    page = data.get("page")
    is_local = (
        isinstance(page, str) and page.startswith("/") and is_text(page) and url_has_allowed_host_and_scheme(page, None)
    )
    return str(page) if is_local else ""


def is_text(value: str) -> bool:
    """Say whether a value holds no half of a character, which JSON can carry and no address can."""
    return value == value.encode(errors="ignore").decode()


def login_needed(page: str) -> Response:
    """Send a visitor to the log-in, which comes back to the page."""
    login_url = redirect_to_login(page or "/").url
    return Response({"login_url": login_url}, status=status.HTTP_401_UNAUTHORIZED)
