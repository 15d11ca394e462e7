"""The button of self service: it holds no token, and nobody is asked while a page is rendered."""

import pytest
from django.template import Context, Template, TemplateSyntaxError

from django_plenigo.errors import InvalidValueError, UnsupportedOperationError


def render(options="", **context):
    source = '{% load plenigo %}{% plenigo_self_service_button "My account" ' + options + " %}"
    return Template(source).render(Context(context))


@pytest.fixture(autouse=True)
def _on_v3(on_v3):
    on_v3()


def test_button_is_the_same_for_everybody():
    assert render().strip() == (
        '<span class="plenigo-checkout"><button type="button" class="plenigo-button" data-plenigo-self-service="" '
        'data-account="default">My account</button> <span class="plenigo-message" role="status"></span>'
        "<noscript>Please switch on JavaScript to see your subscriptions and orders.</noscript></span>"
    )


def test_options_are_told_to_the_script():
    text = render('page="SUBSCRIPTION" navigation="OFF" subscription_id=20000007 css_class=name', name='btn" x="')
    assert 'data-plenigo-self-service="SUBSCRIPTION"' in text
    assert 'data-navigation="OFF" data-subscription-id="20000007"' in text
    assert 'class="plenigo-button btn&quot; x=&quot;"' in text


@pytest.mark.parametrize(
    ("options", "name"),
    [('page="STARTPAGE"', "page"), ('navigation="UP"', "navigation"), ('subscription_id="mine"', "subscription_id")],
)
def test_value_that_the_vendor_does_not_know_is_refused(options, name):
    with pytest.raises(InvalidValueError) as caught:
        render(options)
    assert caught.value.field == name


def test_misspelt_option_names_the_right_one():
    with pytest.raises(TemplateSyntaxError, match='Did you mean "navigation"'):
        render('navigaton="OFF"')


def test_api_v2_has_no_self_service(on_v3):
    on_v3(API="v2")
    with pytest.raises(UnsupportedOperationError, match="needs API v3"):
        render()
