"""OkePay's addresses: the API at the root of the sandbox, and pages for customers."""

from django.urls import path, re_path

from . import api, payment_page, portal

urlpatterns = [
    re_path(r"^v(?P<version>[0-9][0-9.]*)/(?P<path>.*)$", api.answer_call),
    path("okepay/<str:instance_name>/", portal.show_portal, name="plenigo_sandbox_okepay_portal"),
    path("okepay/<str:instance_name>/login/", portal.log_in, name="plenigo_sandbox_okepay_login"),
    path("okepay/<str:instance_name>/logout/", portal.log_out, name="plenigo_sandbox_okepay_logout"),
    path(
        "okepay/<str:instance_name>/subscriptions/<int:number>/cancel/",
        portal.cancel_subscription,
        name="plenigo_sandbox_okepay_cancel",
    ),
    path(
        "okepay/<str:instance_name>/payment-data/",
        portal.change_payment_data,
        name="plenigo_sandbox_okepay_payment_data",
    ),
    path("okepay/<str:instance_name>/pay/", payment_page.show_payment_page, name="plenigo_sandbox_okepay_pay"),
]
