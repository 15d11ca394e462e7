"""The pages of this app: the one that readers come back to from a checkout."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_GET

from django_plenigo import privacy
from django_plenigo.errors import InvalidValueError
from django_plenigo.services import access, checkout

#: How often the page asks anew in a browser without JavaScript.
REFRESH_SECONDS = 5


# Not atomic: the vendor is asked.
@transaction.non_atomic_requests
@login_not_required
@require_GET
def return_from_checkout(request: HttpRequest) -> HttpResponse:
    """Take a reader back to the article she bought, or wait with her until the purchase has arrived.

    The address is signed: it leads nowhere else. It never sleeps: the page asks again by itself.
    """
    privacy.mark_private(request)
    try:
        target = checkout.read_return(request.GET)
    except InvalidValueError:
        response = render(request, "plenigo/return.html", {"state": "unreadable"}, status=400)
        add_never_cache_headers(response)
        return response
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if "waiting" not in request.GET:
        access.forget_answers(request.user, using=target.using)
        access.expect_purchase(request.user, using=target.using)
    answer = access.confirm_purchase(request.user, target.product_ids, using=target.using)
    if answer is access.Access.BOUGHT:
        return HttpResponseRedirect(target.next_path or "/")
    context = {
        "state": "waiting",
        "using": target.using,
        "next": target.next_path or "/",
        "query": checkout.return_path(target).partition("?")[2],
        "refresh_seconds": REFRESH_SECONDS,
    }
    response = render(request, "plenigo/return.html", context)
    add_never_cache_headers(response)
    return response
