"""The snippets of self service: the page holds no token, and nobody is asked while it is rendered."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory

from django_plenigo.errors import InvalidValueError, UnsupportedOperationError
from django_plenigo.middleware import PrivateResponseMiddleware
from django_plenigo.services.self_service import LABELS, PAGES_OF_V2, PAGES_OF_V3

NOSCRIPT = "<noscript>Please switch on JavaScript to see your subscriptions and orders.</noscript>"


def source_of(arguments):
    return "{% load plenigo %}{% plenigo_snippet " + arguments + " %}"


def render(arguments, **context):
    return Template(source_of(arguments)).render(Context(context)).strip()


def respond(user, source):
    def view(request):
        return HttpResponse(Template(source).render(Context({"request": request})))

    request = RequestFactory().get("/my/")
    request.user = user
    return PrivateResponseMiddleware(view)(request)


SOURCES = [
    source_of('"SUBSCRIPTION"'),
    '{% load cache %}{% cache 60 "mine" %}' + source_of('"ORDER"') + "{% endcache %}",
]


@pytest.mark.parametrize("source", SOURCES, ids=["page", "cache"])
@pytest.mark.parametrize("api", ["v2", "v3"])
def test_snippet_is_the_same_for_every_reader_and_costs_no_call(sandbox, on_v3, reader, api, source):
    on_v3(API=api)
    answers = []
    for user in (AnonymousUser(), reader):
        cache.clear()
        response = respond(user, source)
        assert ("Cache-Control" in response.headers, "Vary" in response.headers) == (False, False)
        answers.append(response.content)
    assert answers[0] == answers[1]
    assert sandbox.calls == []


def test_label_may_be_the_sites_own(on_v3):
    assert 'aria-label="What I read"' in render('"SUBSCRIPTION" label="What I read"')
    on_v3()
    assert ">What I read</button>" in render('"SUBSCRIPTION" label="What I read"')


@pytest.mark.parametrize(("api", "pages"), [("v2", PAGES_OF_V2), ("v3", PAGES_OF_V3)])
def test_every_page_of_an_api_has_a_label(on_v3, api, pages):
    on_v3(API=api)
    for page in pages:
        text = render("page", page=page)
        assert f'data-plenigo-snippet="{page}"' in text
        assert str(LABELS[page]) in text


def test_class_is_escaped():
    assert 'class="plenigo-snippet box&quot; x=&quot;"' in render('"ORDER" css_class=name', name='box" x="')


def test_misspelt_option_names_the_right_one():
    with pytest.raises(TemplateSyntaxError, match='Did you mean "navigation"'):
        render('"ORDER" navigaton="OFF"')


@pytest.mark.parametrize("api", ["v2", "v3"])
def test_misspelt_page_is_refused_with_the_right_names(on_v3, api):
    on_v3(API=api)
    with pytest.raises(InvalidValueError, match=r"must be one of .*SUBSCRIPTION") as caught:
        render('"SUBSCRIPTIONS"')
    assert caught.value.field == "page"


@pytest.mark.parametrize(
    ("api", "arguments", "named"),
    [
        ("v2", '"DASHBOARD"', "API v2 .* knows no such page"),
        ("v3", '"PERSONAL_DATA_SOCIAL_MEDIA"', "API v3 .* knows no such page"),
        ("v2", '"ORDER" navigation="OFF"', "^navigation: API v2 "),
        ("v2", '"SUBSCRIPTION" subscription_id=7', "^subscription_id: API v2 "),
        ("v3", '"PERSONAL_DATA_ADDRESS" edit=False', "^edit: API v3 "),
        ("v3", '"ORDER" logged_out_url="/"', "^logged_out_url: API v3 "),
    ],
)
def test_what_the_other_api_has_is_told_to_be_so(on_v3, api, arguments, named):
    on_v3(API=api)
    with pytest.raises(UnsupportedOperationError, match=named):
        render(arguments)


# ---- API v2 ----------------------------------------------------------------------------------------------------


def test_element_of_v2_has_a_name_a_live_region_and_a_sentence_without_javascript():
    assert render('"SUBSCRIPTION"') == (
        '<div class="plenigo-snippet" role="region" aria-label="My subscriptions" data-plenigo-snippet="SUBSCRIPTION" '
        'data-account="default"><p class="plenigo-message" role="status"></p>'
        f'<div class="plenigo-snippet-content"></div>{NOSCRIPT}</div>'
    )


def test_options_of_v2_are_told_to_the_script():
    text = render('"PERSONAL_DATA_ADDRESS" edit=False logged_out_url=address', address="/out/?a=1&b=2")
    assert 'data-edit="false" data-logged-out-url="/out/?a=1&amp;b=2"' in text


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ("", "page"),
        ('"ORDER" edit=True', "edit"),
        ('"PERSONAL_DATA_ADDRESS" edit="yes"', "edit"),
        ('"ORDER" logged_out_url="javascript:alert(1)"', "logged_out_url"),
        ('"ORDER" logged_out_url="//evil.example/"', "logged_out_url"),
    ],
)
def test_value_that_v2_does_not_know_is_refused(arguments, name):
    with pytest.raises(InvalidValueError) as caught:
        render(arguments)
    assert caught.value.field == name


# ---- API v3 ----------------------------------------------------------------------------------------------------


def test_button_of_v3_begins_self_service_where_no_page_is_named(on_v3):
    on_v3()
    assert render("") == (
        '<span class="plenigo-checkout"><button type="button" class="plenigo-button" data-plenigo-snippet="" '
        'data-account="default">My account</button> <span class="plenigo-message" role="status"></span>'
        f"{NOSCRIPT}</span>"
    )


def test_options_of_v3_are_told_to_the_script(on_v3):
    on_v3()
    text = render('"SUBSCRIPTION" navigation="OFF" subscription_id=20000007 css_class=name', name='btn" x="')
    assert 'data-plenigo-snippet="SUBSCRIPTION"' in text
    assert 'data-navigation="OFF" data-subscription-id="20000007"' in text
    assert 'class="plenigo-button btn&quot; x=&quot;"' in text


@pytest.mark.parametrize(
    ("arguments", "name"),
    [('"ORDER" navigation="UP"', "navigation"), ('"SUBSCRIPTION" subscription_id="mine"', "subscription_id")],
)
def test_value_that_v3_does_not_know_is_refused(on_v3, arguments, name):
    on_v3()
    with pytest.raises(InvalidValueError) as caught:
        render(arguments)
    assert caught.value.field == name
