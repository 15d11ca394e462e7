"""`{% plenigo_checkout %}`: the snippet with an embedded login token."""

import base64
import datetime
import html
import json
import logging
import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpResponse, StreamingHttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.views.decorators.cache import cache_control, cache_page

from django_plenigo.errors import ConfigurationError, InvalidValueError
from django_plenigo.middleware import PrivateResponseMiddleware
from django_plenigo.services import access, checkout, customers

pytestmark = pytest.mark.django_db

TAG = '{% load plenigo %}<a onclick="{% plenigo_checkout "DAYPASS" title=title %}">Buy</a>'


def respond(user, source=TAG, *, wrap=lambda view: view, **context):
    """Answer a request with a rendered template, through the middleware."""

    def view(request):
        return HttpResponse(Template(source).render(Context({"request": request, "title": "A title", **context})))

    request = RequestFactory().get("/article/?page=2")
    request.user = user
    return PrivateResponseMiddleware(wrap(view))(request)


def statement(response):
    return html.unescape(re.search(r'onclick="([^"]*)"', response.content.decode()).group(1))


def arguments(response):
    return json.loads(re.fullmatch(r"[\w.]+\((.*)\);", statement(response)).group(1))


def test_visitor_gets_a_snippet_without_a_token_and_without_a_call(sandbox):
    response = respond(AnonymousUser())
    assert statement(response).startswith('plenigo.checkout({"paymentData":')
    assert "loginToken" not in arguments(response)
    assert sandbox.calls == []


def test_signed_in_reader_gets_a_snippet_with_her_login_token(sandbox, reader):
    response = respond(reader)
    assert statement(response).startswith("plenigo.checkoutWithRemoteLogin(")
    assert len(arguments(response)["loginToken"]) >= 32


def test_token_of_the_page_logs_the_reader_in(sandbox, reader):
    token = arguments(respond(reader))["loginToken"]
    assert sandbox.consume_login_token(token).email == reader.email


def test_snippet_returns_to_our_return_page_with_the_article_as_next(sandbox):
    target = arguments(respond(AnonymousUser()))["targetUrl"]
    assert target.startswith("http://testserver/plenigo/return/?product=DAYPASS&next=/article/%3Fpage%3D2&signature=")


def test_article_whose_address_is_too_long_returns_to_the_article_itself(sandbox):
    def view(request):
        return HttpResponse(Template(TAG).render(Context({"request": request})))

    request = RequestFactory().get("/" + "a" * 240)
    request.user = AnonymousUser()
    assert "targetUrl" not in arguments(PrivateResponseMiddleware(view)(request))


def test_all_snippets_of_one_response_share_one_call_and_token(sandbox, reader):
    response = respond(reader, TAG * 5)
    assert [call.endpoint for call in sandbox.calls] == ["createLoginToken"]
    assert len(set(re.findall(r"loginToken&quot;:&quot;(\w+)", response.content.decode()))) == 1


def test_two_responses_never_share_a_token(sandbox, reader):
    assert arguments(respond(reader))["loginToken"] != arguments(respond(reader))["loginToken"]


def test_response_with_a_token_is_private(sandbox, reader):
    response = respond(reader, wrap=cache_control(public=True, max_age=600))
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "Expires" not in response.headers


def test_response_without_a_token_stays_as_the_site_made_it(sandbox):
    response = respond(AnonymousUser(), wrap=cache_control(public=True, max_age=600))
    assert "public" in response.headers["Cache-Control"]


def test_cache_page_keeps_no_page_with_a_token(sandbox, reader):
    tokens = {arguments(respond(reader, wrap=cache_page(600)))["loginToken"] for _ in range(2)}
    assert len(tokens) == 2


@pytest.mark.parametrize(
    "source",
    [
        "{% load cache %}{% cache 600 fragment %}" + TAG + "{% endcache %}",
        '{% load cache %}{% cache 600 included %}{% include "site/snippet_part.html" %}{% endcache %}',
        '{% extends "site/cached_base.html" %}{% block content %}' + TAG + "{% endblock %}",
    ],
    ids=["directly", "through include", "through extends"],
)
def test_cached_fragment_mints_on_the_click(sandbox, reader, source):
    response = respond(reader, source)
    assert statement(response).startswith('djangoPlenigo.checkout({"offer": ')
    assert sandbox.calls == []


def test_fragment_that_a_visitor_put_into_the_cache_gives_a_reader_no_visitors_checkout(sandbox, reader):
    source = "{% load cache %}{% cache 600 fragment %}" + TAG + "{% endcache %}"
    first, second = (respond(user, source) for user in (AnonymousUser(), reader))
    assert statement(first) == statement(second)
    assert statement(first).startswith('djangoPlenigo.checkout({"offer": ')


def test_cached_fragment_names_no_page_to_come_back_to(sandbox):
    """It may be shown on another page than the one that it was made for: the click says which."""
    source = "{% load cache %}{% cache 600 fragment %}" + TAG + "{% endcache %}"
    assert checkout.read_offer(arguments(respond(AnonymousUser(), source))["offer"]).options.target_url is None


def test_cache_page_gives_a_reader_no_visitors_checkout(sandbox, reader):
    keep = cache_page(600)
    assert statement(respond(AnonymousUser(), wrap=keep)).startswith("plenigo.checkout(")
    assert statement(respond(reader, wrap=keep)).startswith("plenigo.checkoutWithRemoteLogin(")


def test_caches_outside_of_django_keep_a_visitors_page_for_visitors_only(sandbox):
    response = respond(AnonymousUser(), wrap=cache_control(public=True, max_age=600))
    assert response.headers["Vary"] == "Cookie"


PERSONAL = '{% load plenigo %}<a onclick="{% plenigo_checkout "DAYPASS" birthday=birthday %}">Buy</a>'
PERSONAL_BUTTON = '{% load plenigo %}{% plenigo_checkout_button "DAYPASS" "Buy" birthday=birthday %}'


@pytest.mark.parametrize("tag", [PERSONAL, PERSONAL_BUTTON], ids=["snippet", "button"])
def test_birthday_makes_the_response_private_and_never_stands_in_a_cache(sandbox, tag):
    birthday = datetime.date(1990, 5, 17)
    assert respond(AnonymousUser(), tag, birthday=birthday).headers["Cache-Control"] == "private, no-store"
    source = "{% load cache %}{% cache 600 fragment %}" + tag + "{% endcache %}"
    with pytest.raises(ConfigurationError, match="belong to one reader"):
        respond(AnonymousUser(), source, birthday=birthday)


def test_fragment_out_of_get_or_set_mints_on_the_click(sandbox, reader):
    def view(request):
        part = Template(TAG)
        return HttpResponse(cache.get_or_set("part", lambda: part.render(Context({"request": request}))))

    request = RequestFactory().get("/")
    request.user = reader
    assert statement(PrivateResponseMiddleware(view)(request)).startswith("djangoPlenigo.checkout(")


def test_template_without_the_request_gives_a_reader_no_visitors_checkout(sandbox, reader):
    rendered = Template(TAG).render(Context({"user": reader, "title": "A title"}))
    assert "djangoPlenigo.checkout(" in rendered


def test_streamed_response_mints_on_the_click(sandbox, reader):
    def view(request):
        return StreamingHttpResponse(render_late(request))

    def render_late(request):
        yield Template(TAG).render(Context({"request": request}))

    request = RequestFactory().get("/")
    request.user = reader
    response = PrivateResponseMiddleware(view)(request)
    assert b"djangoPlenigo.checkout(" in b"".join(response)


def test_missing_middleware_mints_on_the_click_and_says_so(sandbox, reader, caplog):
    request = RequestFactory().get("/")
    request.user = reader
    with caplog.at_level(logging.ERROR):
        rendered = Template(TAG).render(Context({"request": request}))
    assert "djangoPlenigo.checkout(" in rendered
    assert "PrivateResponseMiddleware is missing" in caplog.text


def test_reader_who_is_not_registered_is_not_registered_by_a_page_view(sandbox, user):
    response = respond(user)
    assert statement(response).startswith("djangoPlenigo.checkout(")
    assert sandbox.customers() == []


def test_dead_vendor_gives_a_button_that_mints_on_the_click_never_a_tokenless_checkout(sandbox, reader):
    sandbox.fail_next(status=500, times=10)
    response = respond(reader, TAG * 5)
    assert statement(response).startswith("djangoPlenigo.checkout(")
    assert len(sandbox.calls) == 1


def test_slow_vendor_is_waited_for_once(sandbox, reader, settings):
    settings.PLENIGO = {"default": {"MODE": "sandbox", "TIMEOUT_SECONDS": 0.5}}
    sandbox.delay_next(30, times=10)
    respond(reader, TAG * 20)
    assert len(sandbox.calls) == 1


def test_unregistered_reader_costs_one_query_for_any_number_of_snippets(user, django_assert_num_queries):
    with django_assert_num_queries(1):
        respond(user, TAG * 20)


@pytest.mark.usefixtures("shared_cache")
def test_kept_no_is_not_believed_once_a_page_has_handed_out_a_token(sandbox, reader):
    """The click on such a snippet does not come by us, so the page itself is taken for the beginning of a checkout."""
    access.check_access(reader, ["DAYPASS"])
    respond(reader)
    sandbox.buy(customers.link_of(reader).customer_id, "DAYPASS")
    assert access.check_access(reader, ["DAYPASS"]) is access.Access.BOUGHT


HOSTILE = [
    "\"'`",
    "</script><script>alert(1)</script>",
    "&quot; &amp;quot; &notit;",
    "Grüße aus Köln",
    "🗞️ 🇩🇪",
    "line\u2028separator\u2029",
    "back\\slash \\u0022",
    "${1} {{ x }} {% y %} // /* -->",
    "\u202eabc\ufeff",
]


@pytest.mark.parametrize("title", HOSTILE)
@pytest.mark.parametrize("autoescape", ["on", "off"])
def test_any_title_arrives_as_it_is_and_stays_in_its_attribute(sandbox, title, autoescape):
    source = "{% autoescape " + autoescape + " %}" + TAG + "{% endautoescape %}"
    response = respond(AnonymousUser(), source, title=title)
    claims = arguments(response)["paymentData"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["ti"] == title
    assert response.content.decode().count("<script") == 0


@pytest.mark.parametrize(
    ("option", "advice"),
    [
        ("afiliate_id", 'Did you mean "affiliate_id"?'),
        ("subscriptionRenewal", 'Did you mean "subscription_renewal"?'),
        ("titel", 'Did you mean "title"?'),
    ],
)
def test_misspelt_option_fails_at_compile_time_and_names_the_right_one(option, advice):
    with pytest.raises(TemplateSyntaxError, match=re.escape(advice)):
        Template('{% load plenigo %}{% plenigo_checkout "DAYPASS" ' + option + '="x" %}')


def test_option_that_is_like_none_lists_them_all():
    with pytest.raises(TemplateSyntaxError, match=r"Known are: .*target_url"):
        Template('{% load plenigo %}{% plenigo_checkout "DAYPASS" qqq="x" %}')


def test_wrong_value_is_told_when_the_page_is_rendered(sandbox):
    with pytest.raises(InvalidValueError) as caught:
        respond(AnonymousUser(), '{% load plenigo %}{% plenigo_checkout "A product id that is too long" %}')
    assert caught.value.field == "product_id"


def test_wrong_value_is_told_also_where_the_token_is_minted_on_the_click(sandbox, user):
    with pytest.raises(InvalidValueError):
        respond(user, '{% load plenigo %}{% plenigo_checkout "DAYPASS" shipping_cost=3 type="EBOOK" %}')
