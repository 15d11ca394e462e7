"""The addresses of the browser side, below the sandbox's mount point. The script's are the vendor's."""

from django.urls import path

from . import access, checkout, login, prepared_checkout, scripts, self_service, snippets, sso

urlpatterns = [
    path(
        "static_resources/javascript/<str:company_id>/plenigo_sdk.min.js",
        scripts.show_script,
        name="plenigo_sandbox_script",
    ),
    path("static_resources/v2/javascript/<str:company_id>/plenigo_sdk.min.js", scripts.show_script),
    path("web/v1/frisbii_media.min.js", scripts.show_script_of_v3, name="plenigo_sandbox_script_of_v3"),
    path("static_resources/pages/<str:name>", scripts.show_asset, name="plenigo_sandbox_asset"),
    path("access/<str:company_id>/", access.show_access, name="plenigo_sandbox_access"),
    path("checkout/<str:company_id>/", checkout.open_checkout, name="plenigo_sandbox_checkout"),
    path("checkout/<str:company_id>/next/", checkout.continue_checkout, name="plenigo_sandbox_checkout_next"),
    path("prepared/<str:company_id>/", prepared_checkout.open_prepared, name="plenigo_sandbox_prepared"),
    path("prepared/<str:company_id>/next/", prepared_checkout.continue_prepared, name="plenigo_sandbox_prepared_next"),
    path("sso/<str:company_id>/", sso.open_sso, name="plenigo_sandbox_sso"),
    path("sso/<str:company_id>/next/", sso.continue_sso, name="plenigo_sandbox_sso_next"),
    path("self-service/<str:company_id>/", self_service.open_self_service, name="plenigo_sandbox_self_service"),
    path(
        "self-service/<str:company_id>/next/",
        self_service.continue_self_service,
        name="plenigo_sandbox_self_service_next",
    ),
    path("snippet/<str:company_id>/", snippets.open_snippet, name="plenigo_sandbox_snippet"),
    path("login/<str:company_id>/", login.open_login, name="plenigo_sandbox_login"),
    path("registration/<str:company_id>/", login.open_registration, name="plenigo_sandbox_registration"),
    path("login/<str:company_id>/next/", login.continue_login, name="plenigo_sandbox_login_next"),
]
