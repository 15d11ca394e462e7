"""The page of a reader who is logged in on too many devices."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from django_plenigo.errors import RemoteError
from django_plenigo.protocols.base import SessionKeeper
from django_plenigo.services import customers
from django_plenigo.services import devices as device_service
from django_plenigo.services.connection import FOR_READER, Event
from django_plenigo.views.pages import may_click, next_of, page, reader_page

EVERY_DEVICE = "all"


@require_http_methods(["GET", "POST"])
@reader_page(SessionKeeper)
def devices(request: HttpRequest, using: str) -> HttpResponse:
    """List the devices, end one or all, and lead on to where the reader wanted to go."""
    link = customers.link_of(request.user, using=using)
    limit = None if link is None else device_service.kept_limit(request.session, link)
    if link is None or limit is None:
        return _page(request, None, error="")
    if request.method == "GET":
        return _page(request, limit, error="")
    chosen = request.POST.get("device", "")
    number = int(chosen) if chosen.isascii() and chosen.isdigit() and len(chosen) < 4 else None
    if number is None and chosen != EVERY_DEVICE:
        return _page(request, limit, error=_("Please choose a device."))
    mark = request.POST.get("mark", "")
    if mark != limit.mark:
        return _page(request, limit, error=_("The list has changed meanwhile. Please choose from this one."))
    if not may_click(request):
        return _page(request, limit, error=_("Too many tries. Please wait a minute and try again."))
    try:
        has_ended = device_service.end_devices(request.session, link, number=number, mark=mark)
    except RemoteError:
        return _page(request, None, error=str(FOR_READER[Event.UNAVAILABLE]), next_path=limit.next_path)
    if not has_ended:
        text = _("This list is out of date. Please go back and try again.")
        return _page(request, None, error=text, next_path=limit.next_path)
    return HttpResponseRedirect(limit.next_path or "/")


def _page(
    request: HttpRequest, limit: device_service.DeviceLimit | None, *, error: str, next_path: str = ""
) -> HttpResponse:
    next_path = next_path or (limit.next_path if limit else next_of(request)) or "/"
    return page(request, "plenigo/devices.html", {"limit": limit, "error": error, "next": next_path})
