"""The tags of the portals: a button for what the reader really has, without a link and without a call."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import RequestFactory

from django_plenigo.errors import ConfigurationError, InvalidValueError
from django_plenigo.middleware import PrivateResponseMiddleware
from django_plenigo.models import PortalAccount
from django_plenigo.privacy import ATTRIBUTE, ResponseGuard
from django_plenigo.services import customers, portals
from tests.factories import UserFactory
from tests.portals.clicking import Form
from tests.site.portals import TOKEN, Harbour, entries

pytestmark = pytest.mark.django_db

TWOCHECKOUT = "django_plenigo.protocols.twocheckout.TwoCheckout"


def request_of(user=None):
    request = RequestFactory().get("/account/?a=b")
    request.user = user or AnonymousUser()
    setattr(request, ATTRIBUTE, ResponseGuard())
    return request


def render(tag, user=None, request=None, **context):
    request = request or request_of(user)
    return Template("{% load plenigo %}{% " + tag + " %}").render(RequestContext(request, context))


# ---- plenigo_portals


def test_reader_sees_a_button_for_each_portal_that_she_has_and_no_other(harbour, bind, user):
    bind(user)
    text = render("plenigo_portals", user)
    assert text.count("<form") == 1
    assert Form(text).action == "/plenigo/portal/harbour/"
    assert "Harbour office" in text
    assert "Quay" not in text
    bind(user, "7", portal="quay")
    text = render("plenigo_portals", user)
    assert text.index("Harbour office") < text.index("Quay")


def test_button_is_a_form_with_a_token_against_other_sites(boater):
    form = Form(render('plenigo_portal_button "harbour"', boater))
    assert (form.method, form.action, form.button) == ("post", "/plenigo/portal/harbour/", "Harbour office")
    assert form.fields.keys() == {"csrfmiddlewaretoken", "target"}
    assert form.fields["csrfmiddlewaretoken"]


def test_no_page_holds_a_link_and_nobody_is_asked_while_it_is_rendered(boater, harbour):
    text = render("plenigo_portals", boater) + render('plenigo_portal_button "harbour"', boater)
    assert TOKEN not in text
    assert "harbour.example" not in text
    assert harbour.calls == []


def test_no_reference_stands_in_the_page(boater):
    assert "352365983" not in render("plenigo_portals", boater) + render('plenigo_portal_button "harbour"', boater)


def test_visitor_is_led_to_the_log_in_and_back(harbour):
    text = render("plenigo_portals")
    assert '<a href="/login/?next=/account/%3Fa%3Db">Log in to see your subscriptions</a>' in text
    assert "<form" not in text


def test_visitor_of_a_shared_computer_is_shown_where_else_to_log_out(harbour, settings):
    assert "Log out" not in render("plenigo_portals")
    settings.PLENIGO_PORTALS = entries(LOG_OUT_URL="https://store.harbour.example/bye")
    text = render("plenigo_portals")
    assert '<a href="https://store.harbour.example/bye" rel="noreferrer">Log out: Harbour office</a>' in text


def test_reader_who_has_nothing_is_told_so_and_how_to_connect_a_subscription(harbour, user, on_v3):
    portals.reference_for(user, "harbour")  # what was only issued is nothing yet
    text = render("plenigo_portals", user)
    assert "We have no subscription under this account." in text
    assert "Connect one" not in text
    on_v3()
    assert '<a href="/plenigo/connect/">Connect one</a>' in render("plenigo_portals", user)


def test_list_works_without_any_portal_in_the_settings(user):
    assert "We have no subscription under this account." in render("plenigo_portals", user)


def test_customer_sees_plenigos_own_pages_too(vendor, harbour, user):
    assert "data-account" not in render("plenigo_portals", user)
    customers.register(user)
    text = render("plenigo_portals", user)
    assert 'data-account="default"' in text
    assert "My subscriptions" in text


def test_customer_of_several_accounts_is_led_to_the_pages_of_each(vendor, harbour, user, settings):
    settings.PLENIGO = {**settings.PLENIGO, "weekly": settings.PLENIGO["default"]}
    customers.register(user)
    customers.register(user, using="weekly")
    text = render("plenigo_portals", user)
    assert 'data-account="default"' in text
    assert '<a href="/plenigo/portals/?account=weekly">My subscriptions (weekly)</a>' in text
    text = render('plenigo_portals using="weekly"', user)
    assert 'data-account="weekly"' in text
    assert "account=default" in text


def test_list_costs_two_queries_however_many_portals_and_accounts(
    vendor, bind, user, settings, django_assert_num_queries
):
    settings.PLENIGO = {**settings.PLENIGO, "weekly": settings.PLENIGO["default"]}
    customers.register(user)
    customers.register(user, using="weekly")
    bind(user)
    bind(user, portal="quay")
    with django_assert_num_queries(2):
        render("plenigo_portals", user)


# ---- plenigo_portal_button


def test_button_leads_to_a_page_and_a_subscription_of_this_reader_alone(boater):
    form = Form(render('plenigo_portal_button "harbour" page="berths" subscription=number', boater, number="S1"))
    assert form.button == "My berths"
    target = portals.read_target(form.fields["target"], "harbour", boater)
    assert (target.page, target.subscription) == ("berths", "S1")
    with pytest.raises(InvalidValueError, match="another portal or reader"):
        portals.read_target(form.fields["target"], "harbour", UserFactory())


def test_label_and_class_are_escaped(boater):
    text = render('plenigo_portal_button "harbour" label=x css_class=x', boater, x='"><b>')
    assert 'class="plenigo-button &quot;&gt;&lt;b&gt;"' in text
    assert "&quot;&gt;&lt;b&gt;</button>" in text


def test_visitor_has_the_button_too_and_it_names_no_subscription(harbour):
    form = Form(render('plenigo_portal_button "harbour" subscription="S1"'))
    assert portals.read_target(form.fields["target"], "harbour", UserFactory()).subscription == ""


@pytest.mark.parametrize("page", ["my_subscription", "my_license"])
def test_who_has_no_subscription_to_show_is_led_to_the_front_page(harbour, user, settings, page):
    settings.PLENIGO_PORTALS = {"2checkout": {"BACKEND": TWOCHECKOUT, "MODE": "sandbox"}}
    tag = f'plenigo_portal_button "2checkout" page="{page}" subscription=subscription'

    def target_of(reader, **context):
        signed = Form(render(tag, reader, **context)).fields["target"]
        return portals.read_target(signed, "2checkout", reader)

    assert target_of(user, subscription="ABCDEF1234") == portals.Target("2checkout", page, "ABCDEF1234")
    for none in ("", None):
        assert target_of(user, subscription=none) == portals.Target("2checkout")
    assert target_of(AnonymousUser(), subscription="ABCDEF1234") == portals.Target("2checkout")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ('page="my products"', "page: must be one of the vendor's words"),
        ('page="my_products" subscription="123D40F123"', "subscription: goes with the page my_subscription alone"),
        ('page="my_subscription" subscription="123 D40"', "subscription: must be at most 50 letters and digits"),
        ('subscription="1&2"', "subscription: must be at most 50 letters and digits"),
    ],
)
def test_mistake_in_a_template_is_found_as_it_is_rendered(user, settings, options, problem):
    settings.PLENIGO_PORTALS = {"2checkout": {"BACKEND": TWOCHECKOUT, "MODE": "sandbox"}}
    with pytest.raises(InvalidValueError, match=problem):
        render(f'plenigo_portal_button "2checkout" {options}', user)


def test_page_that_the_vendor_does_not_document_has_a_button_since_it_may_be_new(user, settings):
    settings.PLENIGO_PORTALS = {"2checkout": {"BACKEND": TWOCHECKOUT, "MODE": "sandbox"}}
    form = Form(render('plenigo_portal_button "2checkout" page="brand_new"', user))
    assert portals.read_target(form.fields["target"], "2checkout", user).page == "brand_new"


def test_button_of_a_portal_whose_class_is_missing_breaks_no_page(user, settings):
    settings.PLENIGO_PORTALS = {"harbour": {"BACKEND": "mysite.missing.Portal", "MODE": "live"}}
    assert Form(render('plenigo_portal_button "harbour" page="berths"', user)).button == "harbour"


class Ferry(Harbour):
    """A portal of a site's own that has no other page than its timetable."""

    @classmethod
    def check_target(cls, target):
        """Refuse any other page."""
        if target.page not in ("", "timetable"):
            raise InvalidValueError("page", "must be timetable")


def test_portal_of_a_sites_own_says_which_targets_it_refuses(user, settings):
    settings.PLENIGO_PORTALS = {"ferry": {"BACKEND": f"{__name__}.Ferry", "MODE": "live"}}
    assert Form(render('plenigo_portal_button "ferry" page="timetable"', user)).method == "post"
    with pytest.raises(InvalidValueError, match="page: must be timetable"):
        render('plenigo_portal_button "ferry" page="berths"', user)


def test_label_of_the_entry_stands_before_that_of_the_backend(boater, settings):
    settings.PLENIGO_PORTALS = entries(LABEL="The pier")
    assert Form(render('plenigo_portal_button "harbour"', boater)).button == "The pier"


@pytest.mark.parametrize("name", ['"harbor"', "missing"])
def test_portal_that_there_is_not_is_named(harbour, name):
    with pytest.raises((ConfigurationError, InvalidValueError), match="PLENIGO_PORTALS"):
        render(f"plenigo_portal_button {name}")


# ---- plenigo_portal_reference


def test_reference_is_the_readers_own_and_the_same_each_time(harbour, user):
    text = render('plenigo_portal_reference "harbour"', user)
    assert text == PortalAccount.objects.get(user=user).our_reference
    assert render('plenigo_portal_reference "harbour"', user) == text


def test_visitor_has_no_reference(harbour):
    assert render('plenigo_portal_reference "harbour"') == ""
    assert not PortalAccount.objects.exists()


# ---- all of them

TAGS = ["plenigo_portals", 'plenigo_portal_button "harbour"', 'plenigo_portal_reference "harbour"']


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("is_visitor", [True, False])
def test_response_is_private(harbour, user, tag, is_visitor):
    request = RequestFactory().get("/")
    request.user = AnonymousUser() if is_visitor else user

    def view(request):
        from_template = Template("{% load plenigo %}{% " + tag + " %}").render(RequestContext(request))
        return HttpResponse(from_template, headers={"Cache-Control": "public, max-age=60"})

    response = PrivateResponseMiddleware(view)(request)
    assert response["Cache-Control"] == "private, no-store"
    assert "Cookie" in response["Vary"]


@pytest.mark.parametrize("tag", TAGS)
def test_tag_in_a_cache_is_refused(harbour, user, tag):
    source = "{% load plenigo cache %}{% cache 60 x %}{% " + tag + " %}{% endcache %}"
    with pytest.raises(ConfigurationError, match="move the tag out of the cache"):
        Template(source).render(RequestContext(request_of(user)))


@pytest.mark.parametrize("tag", TAGS)
def test_tag_without_request_or_middleware_says_what_is_missing(harbour, tag):
    with pytest.raises(ConfigurationError, match="PrivateResponseMiddleware"):
        Template("{% load plenigo %}{% " + tag + " %}").render(Context())


@pytest.mark.parametrize("tag", TAGS)
def test_tag_in_a_response_that_is_being_sent_is_refused(harbour, user, tag):
    request = request_of(user)
    getattr(request, ATTRIBUTE).is_sent = True
    with pytest.raises(ConfigurationError, match="is being sent already"):
        render(tag, request=request)


@pytest.mark.parametrize(
    ("tag", "right"),
    [
        ('plenigo_portals usin="x"', "using"),
        ('plenigo_portal_button "harbour" pages="x"', "page"),
        ('plenigo_portal_button "harbour" cssclass="x"', "css_class"),
    ],
)
def test_misspelt_option_names_the_right_one(tag, right):
    with pytest.raises(TemplateSyntaxError, match=f'Did you mean "{right}"'):
        Template("{% load plenigo %}{% " + tag + " %}")
