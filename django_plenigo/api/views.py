"""The JSON endpoints of our script. Each answers with what was asked, or with a sentence for the reader."""

import json
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from rest_framework import status
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotFound, ParseError, PermissionDenied, Throttled
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from django_plenigo import backends, conf
from django_plenigo.api.refusals import Refusal, as_refusal, as_refusal_of_purchase
from django_plenigo.errors import PlenigoError
from django_plenigo.protocols.base import CheckoutCall, LoginMinter
from django_plenigo.services import access, checkout, connection, customers, purchases
from django_plenigo.services.purchases import Purchase
from django_plenigo.throttles import CheckThrottle, ClickThrottle

#: A report of an error must not show what a reader has sent.
HIDDEN = method_decorator(sensitive_variables())


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
            exc = self.refusal_of(exc)
        return super().handle_exception(exc)

    def refusal_of(self, error: PlenigoError) -> Refusal:
        """Say in words what a reader can do about an error."""
        return as_refusal(error)

    def get_exception_handler(self) -> Any:
        """Return DRF's own handler: our script reads `detail`."""
        return exception_handler

    @property
    def reader(self) -> Any:
        """The signed-in reader, None for a visitor. DRF knows no user at all where a site has told it so."""
        user = self.request.user
        return user if user and user.is_authenticated else None


class CsrfTokenView(ReaderView):
    """Hand out the CSRF token on the click: the page may be an hour old, or come out of a cache."""

    def get(self, request: Request) -> Response:
        """Answer `{"csrf_token": text, "header": name}`; the cookie or session that belongs to it is set."""
        return Response({"csrf_token": get_token(request._request), "header": conf.csrf_header()})


class CheckoutView(ReaderView):
    """Open a checkout: with API v2 by a call that is signed here, with API v3 by one that the vendor prepares."""

    throttle_classes = [ClickThrottle]

    def post(self, request: Request) -> Response:
        """Answer what our script opens the checkout with, for `{"offer": signed, "page": path}`.

        With API v2 `{"function": name, "arguments": object}`; with API v3 `{"purchase_id": text, "start": method,
        "options": object, "purchase_url": path, "next": address}`, of which the address may be missing. A visitor gets
        401 and `{"login_url": url}`, which comes back to the page, unless the offer lets visitors in.
        """
        data = data_of(request)
        page = page_of(data)
        if self.reader is None and not checkout.admits_visitors(data.get("offer")):
            return login_needed(page)
        offer = checkout.read_offer(data.get("offer"))
        target = checkout.PurchaseReturn((str(offer.order.product_id),), page, offer.using)
        target_url = checkout.return_url(request.build_absolute_uri("/").rstrip("/"), target)
        address = conf.client_address(request._request, conf.Account(offer.using))
        opened = checkout.open_checkout(self.reader, offer, target_url=target_url, client_address=address)
        if self.reader is not None:
            access.expect_purchase(self.reader, using=offer.using)
        return Response(answer_of(opened, offer, target))


def answer_of(
    opened: CheckoutCall | checkout.PreparedCheckout, offer: checkout.Offer, target: checkout.PurchaseReturn
) -> dict[str, Any]:
    """Return what our script is told of a checkout that was opened."""
    if isinstance(opened, CheckoutCall):
        return {"function": opened.function, "arguments": json.loads(opened.arguments_json)}
    answer: dict[str, Any] = {
        "purchase_id": opened.purchase_id,
        "start": opened.start,
        "options": dict(opened.options),
        "purchase_url": f"{reverse('plenigo:purchase')}?{checkout.return_path(target).partition('?')[2]}",
    }
    if offer.options.target_url:
        answer["next"] = offer.options.target_url
    return answer


class LoginTokenView(ReaderView):
    """Mint a login token for a snippet whose own was spent or is too old."""

    throttle_classes = [ClickThrottle]

    def post(self, request: Request) -> Response:
        """Answer `{"login_token": text}` for `{"account": alias, "page": path}`; a visitor as for a checkout.

        404 with API v3: see `TransferTokenView`, which knows what to do about too many devices.
        """
        data = data_of(request)
        if self.reader is None:
            return login_needed(page_of(data))
        account = data.get("account")
        if account not in conf.accounts():
            raise ParseError("The account is unknown.")
        if not backends.serves(LoginMinter, account):
            raise NotFound
        login = checkout.mint_login(customers.register(self.reader, using=account), user=self.reader)
        access.expect_purchase(self.reader, using=account)
        return Response({"login_token": login.value})


class PurchaseView(ReaderView):
    """Say whether the purchase has arrived that a reader comes back from, or that her browser tells of."""

    throttle_classes = [CheckThrottle]

    def get(self, request: Request) -> Response:
        """Answer `{"is_bought": bool, "next": path}` for the query of the return page; a visitor as for a checkout."""
        target = checkout.read_return(request.query_params)
        if self.reader is None:
            return login_needed(checkout.return_path(target))
        self._link_buyer(target)
        answer = access.confirm_purchase(self.reader, target.product_ids, using=target.using)
        return purchase_answer(answer is access.Access.BOUGHT, target)

    @HIDDEN
    def post(self, request: Request) -> Response:
        """Answer as above for `{"order_id": number}`, after a look whose order that is; 404 where it is not hers.

        A visitor who has logged in inside the checkout sends `"customer_session"` besides, which the vendor's script
        has told: it is kept until she has logged in here, and links her then.
        """
        target = checkout.read_return(request.query_params)
        data = data_of(request)
        order_id: Any = data.get("order_id")
        if self.reader is None:
            self._keep_buyer(data.get("customer_session"), target)
            return login_needed(checkout.return_path(target))
        self._link_buyer(target)
        purchase = purchases.confirm_order(self.reader, order_id, target.product_ids, using=target.using)
        if purchase is Purchase.NOT_HERS:
            text = _(
                "We do not find this purchase under your account. You do not need to pay again: please contact us."
            )
            raise Refusal(status.HTTP_404_NOT_FOUND, text)
        return purchase_answer(purchase is Purchase.ARRIVED, target)

    @HIDDEN
    def _keep_buyer(self, customer_session: object, target: checkout.PurchaseReturn) -> None:
        if isinstance(customer_session, str) and customer_session and is_text(customer_session):
            # DRF asks for the token of readers alone: another site must not say whose customer a visitor is.
            SessionAuthentication().enforce_csrf(self.request)
            connection.keep_buyer(self.request.session, customer_session, using=target.using)

    def _link_buyer(self, target: checkout.PurchaseReturn) -> None:
        address = conf.client_address(self.request._request, conf.Account(target.using))
        connection.link_buyer(self.request.session, self.reader, client_address=address, using=target.using)

    def refusal_of(self, error: PlenigoError) -> Refusal:
        """Say what a reader can do who has paid, perhaps: never that nothing was charged."""
        return as_refusal_of_purchase(error)


def purchase_answer(is_bought: bool, target: checkout.PurchaseReturn) -> Response:
    """Tell our script whether to go back to the article."""
    return Response({"is_bought": is_bought, "next": target.next_path or "/"})


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
