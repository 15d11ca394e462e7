"""The app's addresses; put them below a prefix of the site's choice."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt

from django_plenigo import views

app_name = "plenigo"


def lazy_view(dotted_path: str) -> Callable[..., HttpResponseBase]:
    """Return a view whose class is imported at its first request: importing DRF costs a third of a second.

    DRF checks the CSRF token itself, and vendors have none. The views call the vendor, or have others see at once what
    they write, so no transaction may be open around them. They answer visitors and vendors too, whom a site's log-in
    wall would send a page where our script wants JSON.
    """
    real: Callable[..., HttpResponseBase] | None = None

    @transaction.non_atomic_requests
    @login_not_required
    @csrf_exempt
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        nonlocal real
        if real is None:
            real = import_string(dotted_path).as_view()
        return real(request, *args, **kwargs)

    return view


take_webhook = lazy_view("django_plenigo.webhooks.WebhookView")

urlpatterns = [
    path("return/", views.return_from_checkout, name="return"),
    path("connect/", views.connect, name="connect"),
    path("connect/code/", views.connect_code, name="connect-code"),
    path("connect/resend/", views.resend_code, name="connect-resend"),
    path("connect/done/", views.connect_done, name="connect-done"),
    path("devices/", views.devices, name="devices"),
    path("portals/", views.portal_list, name="portals"),
    path("portal/<slug:name>/", views.portal, name="portal"),
    path("api/csrf-token/", lazy_view("django_plenigo.api.CsrfTokenView"), name="csrf-token"),
    path("api/checkout/", lazy_view("django_plenigo.api.CheckoutView"), name="checkout"),
    path("api/login-token/", lazy_view("django_plenigo.api.LoginTokenView"), name="login-token"),
    path("api/login-tokens/", lazy_view("django_plenigo.api.LoginTokensView"), name="login-tokens"),
    path("api/transfer-token/", lazy_view("django_plenigo.api.TransferTokenView"), name="transfer-token"),
    path("api/devices/", lazy_view("django_plenigo.api.DevicesView"), name="api-devices"),
    path("api/connection/", lazy_view("django_plenigo.api.ConnectionView"), name="api-connection"),
    path("api/connection/code/", lazy_view("django_plenigo.api.ConnectionCodeView"), name="api-connection-code"),
    path("api/connection/resend/", lazy_view("django_plenigo.api.ConnectionResendView"), name="api-connection-resend"),
    path("api/sign-in/", lazy_view("django_plenigo.api.SignInView"), name="api-sign-in"),
    path("api/purchase/", lazy_view("django_plenigo.api.PurchaseView"), name="purchase"),
    path("webhooks/<str:source>/", take_webhook, name="webhook"),
    # A slip as it is entered at the vendor: no POST can be sent on to the address above.
    path("webhooks/<str:source>", take_webhook),
]
