"""Gates for views: a decorator and a mixin. Bought: the view; not bought: 403 with the offer; unknown: 503."""

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import isawaitable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from django_plenigo import conf, privacy
from django_plenigo.errors import InvalidValueError
from django_plenigo.services.access import Access, check_access, check_access_in_response

OFFER_TEMPLATE = "plenigo/offer.html"
UNKNOWN_TEMPLATE = "plenigo/access_unknown.html"

#: What a browser and a crawler are told to wait while nobody knows the answer.
RETRY_SECONDS = 60

View = Callable[..., Any]
Products = Callable[..., Sequence[str]]


def paywall_required(
    *products: str | Products, using: str = conf.DEFAULT_ACCOUNT, template_name: str = OFFER_TEMPLATE
) -> Callable[[View], View]:
    """Let only readers of any of the products see a view.

    A product is its id, or a function of the view's own arguments that returns a list of ids, for views that serve
    many articles. The templates get `product_ids` and what the address names. Raises `InvalidValueError`.
    """
    if not products or not all(isinstance(product, str) or callable(product) for product in products):
        raise InvalidValueError("products", "must be at least one id or function; a list needs an asterisk before it")

    def decorate(view: View) -> View:
        def refusal(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
            product_ids = [
                product_id
                for product in products
                for product_id in ([product] if isinstance(product, str) else product(request, *args, **kwargs))
            ]
            return refuse(request, product_ids, using=using, template_name=template_name, context=kwargs)

        if iscoroutinefunction(view):

            @wraps(view)
            async def gated_async(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
                refused = await sync_to_async(refusal)(request, *args, **kwargs)
                return keep_private(refused or await view(request, *args, **kwargs))

            return gated_async

        @wraps(view)
        def gated(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return keep_private(refusal(request, *args, **kwargs) or view(request, *args, **kwargs))

        return gated

    return decorate


class PaywallMixin:
    """Let only readers of any of the products see a class-based view. Set or override what names the products."""

    paywall_products: Sequence[str] = ()
    paywall_account = conf.DEFAULT_ACCOUNT
    paywall_template_name = OFFER_TEMPLATE

    def get_paywall_products(self) -> Sequence[str]:
        """Return the ids of the products that open this view; `self.kwargs` names the article."""
        return self.paywall_products

    def get_paywall_context(self) -> dict[str, Any]:
        """Return what the templates of a refusal get besides `product_ids`."""
        return dict(getattr(self, "kwargs", {}))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask before the view runs; an asynchronous view gets a coroutine, as Django expects of it."""
        if getattr(self, "view_is_async", False):
            return self._dispatch_async(request, *args, **kwargs)  # type: ignore[return-value]  # awaited by Django
        return keep_private(self._refusal(request) or super().dispatch(request, *args, **kwargs))  # type: ignore[misc]  # View's

    async def _dispatch_async(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        refused = await sync_to_async(self._refusal)(request)
        if refused is not None:
            return keep_private(refused)
        response = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]  # View's
        # A method that the view does not have is answered at once, also by an asynchronous view of older releases.
        return keep_private(await response if isawaitable(response) else response)

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        return refuse(
            request,
            self.get_paywall_products(),
            using=self.paywall_account,
            template_name=self.paywall_template_name,
            context=self.get_paywall_context(),
        )


def refuse(
    request: HttpRequest, product_ids: Sequence[str], *, using: str, template_name: str, context: dict[str, Any]
) -> HttpResponse | None:
    """Return the answer to a reader who may not see a view, None for one who may."""
    privacy.mark_private(request)
    user = getattr(request, "user", None)
    guard = privacy.guard_of(request)
    if guard is None:
        access = check_access(user, product_ids, using=using)
    else:
        access = check_access_in_response(guard, user, product_ids, using=using)
    if access is Access.BOUGHT:
        return None
    context = {**context, "product_ids": product_ids, "using": using}
    if access is Access.NOT_BOUGHT:
        return render(request, template_name, context, status=403)
    response = render(request, UNKNOWN_TEMPLATE, context, status=503)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def keep_private(response: HttpResponseBase) -> HttpResponseBase:
    """Mark a gated response private whatever the answer, also where the middleware is missing."""
    response.headers["Cache-Control"] = "private, no-store"
    patch_vary_headers(response, ["Cookie"])
    return response
