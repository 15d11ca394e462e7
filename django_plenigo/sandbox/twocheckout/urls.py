"""2Checkout's addresses, below the sandbox's mount point. Each of the API's has no slash at its end, or one."""

from django.urls import path

from . import account, cart, rpc

urlpatterns = [
    path("rpc/6.0", rpc.answer_call),
    path("rpc/6.0/", rpc.answer_call, name="plenigo_sandbox_twocheckout_rpc"),
    path("myaccount/", account.show_home, name="plenigo_sandbox_twocheckout_home"),
    path("myaccount/my_products/", account.show_products, name="plenigo_sandbox_twocheckout_my_products"),
    path("myaccount/my_subscription/", account.show_subscriptions, name="plenigo_sandbox_twocheckout_my_subscription"),
    path("myaccount/user_data/", account.show_personal_data, name="plenigo_sandbox_twocheckout_user_data"),
    path("myaccount/order_lookup/", account.show_orders, name="plenigo_sandbox_twocheckout_order_lookup"),
    path(
        "myaccount/payment_methods/", account.show_payment_methods, name="plenigo_sandbox_twocheckout_payment_methods"
    ),
    path("myaccount/logout/", account.log_out, name="plenigo_sandbox_twocheckout_log_out"),
    path("support/", account.show_support, name="plenigo_sandbox_twocheckout_support"),
    path("order/checkout/", cart.show_cart, name="plenigo_sandbox_twocheckout_cart"),
]
