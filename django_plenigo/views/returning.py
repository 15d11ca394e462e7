"""The page that readers come back to from a checkout."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.module_loading import import_string
from django.views.decorators.http import require_GET

from django_plenigo import conf, privacy
from django_plenigo.errors import InvalidValueError
from django_plenigo.services import access, checkout, connection, customers

#: How often the page asks anew in a browser without JavaScript.
REFRESH_SECONDS = 5


#: Loaded at the first return, since it imports DRF.
CHECK_THROTTLE = "django_plenigo.throttles.CheckThrottle"


# Not atomic: the vendor is asked.
@transaction.non_atomic_requests
@login_not_required
@require_GET
def return_from_checkout(request: HttpRequest) -> HttpResponse:
    """Take a reader back to the article she bought, or wait with her until the purchase has arrived.

    The address is signed: it leads nowhere else. Who has bought as a visitor, and has logged in, is linked first. It
    never sleeps: the page asks again by itself.
    """
    privacy.mark_private(request)
    try:
        target = checkout.read_return(request.GET)
    except InvalidValueError:
        return _page(request, {"state": "unreadable"}, status=400)
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    next_page = target.next_path or "/"
    context = {
        "state": "waiting",
        "using": target.using,
        "next": next_page,
        "query": checkout.return_path(target).partition("?")[2],
        "refresh_seconds": REFRESH_SECONDS,
    }
    address = conf.client_address(request, conf.Account(target.using))
    connection.link_buyer(request.session, request.user, client_address=address, using=target.using)
    is_linked = customers.link_of(request.user, using=target.using) is not None
    if not is_linked and not connection.is_buyer_kept(request.session, using=target.using):
        return _page(request, {**context, "state": "unlinked"})
    if "waiting" not in request.GET:
        access.forget_answers(request.user, using=target.using)
        access.expect_purchase(request.user, using=target.using)
    if import_string(CHECK_THROTTLE)().allow_request(request, None):
        answer = access.confirm_purchase(request.user, target.product_ids, using=target.using)
        if answer is access.Access.BOUGHT:
            return HttpResponseRedirect(next_page)
    return _page(request, context)


def _page(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = render(request, "plenigo/return.html", context, status=status)
    add_never_cache_headers(response)
    return response
