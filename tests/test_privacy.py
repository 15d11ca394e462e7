"""What keeps a response private, on its own."""

import asyncio

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import RequestFactory

from django_plenigo import privacy
from django_plenigo.middleware import PrivateResponseMiddleware


def test_asynchronous_response_is_made_private_too():
    async def view(request):
        await asyncio.sleep(0)
        assert privacy.mark_private(request)
        return HttpResponse("x")

    response = async_to_sync(PrivateResponseMiddleware(view))(RequestFactory().get("/"))
    assert response.headers["Cache-Control"] == "private, no-store"


def test_mark_on_a_wrapped_request_reaches_the_response():
    """DRF wraps the request."""

    class Wrapper:
        def __init__(self, request):
            self._request = request

    def view(request):
        assert privacy.may_embed_secret(Wrapper(request))
        return HttpResponse("x")

    response = PrivateResponseMiddleware(view)(RequestFactory().get("/"))
    assert response.headers["Cache-Control"] == "private, no-store"


def test_private_response_varies_by_cookie_and_forgets_its_expiry():
    def view(request):
        privacy.mark_private(request)
        return HttpResponse("x", headers={"Expires": "Thu, 01 Jan 2099 00:00:00 GMT", "Cache-Control": "public"})

    response = PrivateResponseMiddleware(view)(RequestFactory().get("/"))
    assert "Expires" not in response.headers
    assert response.headers["Vary"] == "Cookie"


def test_request_stays_the_request_that_it_was():
    request = RequestFactory().get("/")
    kind = type(request)
    privacy.mark_private(request)
    assert isinstance(request, kind)
    request._cache_update_cache = True
    assert request._cache_update_cache is False


@pytest.mark.parametrize("request_", [None, RequestFactory().get("/")], ids=["no request", "no middleware"])
def test_no_secret_may_stand_where_the_response_cannot_be_made_private(request_):
    assert not privacy.may_embed_secret(request_)
