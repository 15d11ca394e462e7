"""A transfer token for self service, and what to do about too many devices."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from django_plenigo import conf
from django_plenigo.api.accounts import AccountView
from django_plenigo.api.refusals import Refusal
from django_plenigo.api.views import data_of, page_of
from django_plenigo.errors import SessionLimitError
from django_plenigo.protocols.base import SessionKeeper
from django_plenigo.services import customers, devices, sessions
from django_plenigo.throttles import ClickThrottle


class TransferTokenView(AccountView):
    """Mint a transfer token on the click: it works once, and for 30 seconds."""

    need = SessionKeeper
    throttle_classes = [ClickThrottle]

    def post(self, request: Request) -> Response:
        """Answer `{"transfer_token": text}` for `{"account": alias, "page": path}`.

        409 and `{"detail": sentence, "devices_url": path}` where the reader is logged in on too many devices.
        """
        link = customers.register(self.reader, using=self.using)
        try:
            transfer = sessions.mint_transfer(link, self.traits)
        except SessionLimitError as error:
            devices.keep_limit(request.session, link, error, next_path=page_of(data_of(request)))
            return Response(
                {
                    "detail": _("You are logged in on too many devices. Please end one of them first."),
                    "devices_url": self._devices_url(),
                },
                status=status.HTTP_409_CONFLICT,
            )
        return Response({"transfer_token": transfer.value})

    def _devices_url(self) -> str:
        query = {} if self.using == conf.DEFAULT_ACCOUNT else {"account": self.using}
        return reverse("plenigo:devices", query=query)


class DevicesView(AccountView):
    """The devices of a reader who is logged in on too many, as JSON."""

    need = SessionKeeper
    throttle_classes = [ClickThrottle]

    def get(self, request: Request) -> Response:
        """Answer `{"devices": [{"number", "os", "browser", "since"}], "mark": text, "next": path}`.

        No device, and no mark, where nothing is known.
        """
        link = customers.link_of(self.reader, using=self.using)
        limit = None if link is None else devices.kept_limit(request.session, link)
        if limit is None:
            return Response({"devices": [], "mark": "", "next": "/"})
        listed = [_json_of(device) for device in limit.devices]
        return Response({"devices": listed, "mark": limit.mark, "next": limit.next_path or "/"})

    def post(self, request: Request) -> Response:
        """End a device of `{"device": number, "mark": text}`, or all with `{"device": "all", "mark": text}`.

        Answer `{"next": path}`. The mark is that of the list. 410 where the list is out of date: it has perhaps been
        replaced by another tab.
        """
        data = data_of(request)
        chosen, mark = data.get("device"), data.get("mark")
        is_number = isinstance(chosen, int) and not isinstance(chosen, bool)
        if not is_number and chosen != "all":
            raise ParseError(_("Please choose a device."))
        link = customers.link_of(self.reader, using=self.using)
        limit = None if link is None else devices.kept_limit(request.session, link)
        number = chosen if is_number else None
        if link is None or limit is None or not devices.end_devices(request.session, link, number=number, mark=mark):
            raise Refusal(status.HTTP_410_GONE, _("This list is out of date. Please go back and try again."))
        return Response({"next": limit.next_path or "/"})


def _json_of(device: devices.Device) -> dict[str, Any]:
    since = device.since and device.since.isoformat()
    return {"number": device.number, "os": device.os, "browser": device.browser, "since": since}
