"""`{% plenigo_checkout_button %}` and `{% plenigo_sdk %}`: no inline code, no token, no call."""

import datetime
import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.utils import translation

from django_plenigo.errors import InvalidValueError
from django_plenigo.middleware import PrivateResponseMiddleware
from django_plenigo.services import checkout

pytestmark = pytest.mark.django_db

BUTTON = '{% load plenigo %}{% plenigo_checkout_button "DAYPASS" label title=title price=price currency="EUR" %}'


def respond(user, source, prepare=lambda request: None, **context):
    def view(request):
        prepare(request)
        return HttpResponse(Template(source).render(Context({"request": request, **context})))

    request = RequestFactory().get("/article/")
    request.user = user
    return PrivateResponseMiddleware(view)(request)


def offer_in(response):
    return checkout.read_offer(re.search(r'data-plenigo-offer="([^"]+)"', response.content.decode()).group(1))


def test_button_is_the_same_for_every_reader_and_costs_no_call(sandbox, reader):
    context = {"label": "Buy", "title": "A title", "price": 2}
    texts = []
    for user in (AnonymousUser(), reader):
        response = respond(user, BUTTON, **context)
        assert "Cache-Control" not in response.headers
        texts.append(re.sub(r'offer="[^"]+"', "", response.content.decode()))
    assert texts[0] == texts[1]
    assert sandbox.calls == []


def test_product_and_label_may_be_named(sandbox):
    source = '{% load plenigo %}{% plenigo_checkout_button label="Buy" product_id="DAYPASS" %}'
    response = respond(AnonymousUser(), source)
    assert offer_in(response).order.product_id == "DAYPASS"
    assert ">Buy</button>" in response.content.decode()


def test_button_carries_product_price_and_options_signed(sandbox):
    offer = offer_in(respond(AnonymousUser(), BUTTON, label="Buy", title="A title", price=Decimal("2.50")))
    assert (offer.order.product_id, offer.order.price, offer.order.title) == ("DAYPASS", 2.5, "A title")


def test_button_is_clean_of_inline_code_and_escapes_its_label(sandbox):
    response = respond(AnonymousUser(), BUTTON, label='<b onclick="x">', title="</script>", price=1)
    text = response.content.decode()
    assert "&lt;b onclick=&quot;x&quot;&gt;" in text
    assert not re.search(r"<[^>]+\son\w+=", text)
    assert "<script" not in text
    assert "style=" not in text


def test_button_with_a_birthday_makes_its_page_private(sandbox):
    source = '{% load plenigo %}{% plenigo_checkout_button "DAYPASS" "Buy" birthday=birthday %}'
    response = respond(AnonymousUser(), source, birthday=datetime.date(1990, 5, 17))
    assert response.headers["Cache-Control"] == "private, no-store"
    assert offer_in(response).order.birthday == datetime.date(1990, 5, 17)


@pytest.mark.parametrize(
    "source", ['{% plenigo_checkout_button "DAYPASS" "Buy" clas="x" %}', "{% plenigo_sdk usin=1 %}"]
)
def test_misspelt_option_fails_at_compile_time(source):
    with pytest.raises(TemplateSyntaxError, match="Did you mean"):
        Template("{% load plenigo %}" + source)


def test_wrong_value_is_told_when_the_button_is_rendered(sandbox):
    with pytest.raises(InvalidValueError):
        respond(AnonymousUser(), '{% load plenigo %}{% plenigo_checkout_button "DAYPASS" "Buy" override_mode=True %}')


SDK = "{% load plenigo %}{% plenigo_sdk %}"


def test_script_stands_once_in_a_page():
    text = respond(AnonymousUser(), SDK + SDK).content.decode()
    assert text.count("plenigo_sdk.min.js") == text.count("plenigo/plenigo.js") == 1


def test_script_is_that_of_the_mode(settings):
    settings.PLENIGO = {"default": {"MODE": "live", "COMPANY_ID": "C" * 20, "SECRET": "s" * 40}}
    expected = f'src="https://static.plenigo.com/static_resources/javascript/{"C" * 20}/plenigo_sdk.min.js"'
    assert expected in respond(AnonymousUser(), SDK).content.decode()


@pytest.mark.parametrize(("language", "expected"), [("de", 'data-lang="de"'), ("en-gb", 'data-lang="en"')])
def test_script_speaks_the_readers_language(language, expected):
    with translation.override(language):
        assert expected in respond(AnonymousUser(), SDK).content.decode()


def test_script_asks_the_browser_for_languages_that_the_vendor_does_not_name():
    with translation.override("fr"):
        assert "data-lang" not in respond(AnonymousUser(), SDK).content.decode()


@pytest.mark.parametrize("attribute", ["_csp_nonce", "csp_nonce"])
def test_script_carries_the_sites_nonce(attribute):
    response = respond(AnonymousUser(), SDK, prepare=lambda request: setattr(request, attribute, "abc123"))
    assert response.content.decode().count(' nonce="abc123"') == 3


def test_script_has_no_nonce_where_the_site_has_none():
    assert "nonce" not in respond(AnonymousUser(), SDK).content.decode()


@pytest.mark.parametrize("option", ["price", "currency", "shipping_cost"])
def test_misspelt_variable_does_not_change_the_price(sandbox, option):
    with pytest.raises(InvalidValueError) as caught:
        respond(AnonymousUser(), f'{{% load plenigo %}}{{% plenigo_checkout_button "DAYPASS" "Buy" {option}=nope.x %}}')
    assert caught.value.field == option
