"""The login tokens of the snippets in a page."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from django_plenigo.api.accounts import AccountView
from django_plenigo.api.refusals import Refusal
from django_plenigo.api.views import data_of, page_of
from django_plenigo.protocols.base import MultipleLoginMinter
from django_plenigo.services import self_service
from django_plenigo.throttles import ClickThrottle


def amount_of(data: dict[str, Any]) -> int:
    """Return how many tokens are asked for. Raises DRF's `ParseError`."""
    amount = data.get("amount")
    if isinstance(amount, bool) or not isinstance(amount, int) or not 1 <= amount <= self_service.MOST_LOGINS:
        raise ParseError(f"The amount must be a whole number from 1 to {self_service.MOST_LOGINS}.")
    return amount


class LoginTokensView(AccountView):
    """Mint a login token for each snippet of a page that a reader looks at: each works once, and for 300 seconds."""

    need = MultipleLoginMinter
    throttle_classes = [ClickThrottle]

    def post(self, request: Request) -> Response:
        """Answer `{"login_tokens": [text, ...], "logged_out_url": path}`, for `{"account", "page", "amount": number}`.

        The address is the site's log-in, which comes back to the page. 404 and `{"detail": sentence}` for a reader who
        is no customer: nobody is registered, and the vendor is not asked.
        """
        data = data_of(request)
        logins = self_service.mint_logins(self.reader, amount_of(data), using=self.using)
        if not logins:
            text = _("There is nothing here yet: you have no subscription and no order with us.")
            raise Refusal(status.HTTP_404_NOT_FOUND, text)
        logged_out_url = redirect_to_login(page_of(data) or "/").url
        return Response({"login_tokens": [login.value for login in logins], "logged_out_url": logged_out_url})
