"""The gates: the block tag, the decorator and the mixin."""

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.views import View
from django.views.decorators.cache import cache_page

from django_plenigo.errors import ConfigurationError, InvalidValueError
from django_plenigo.middleware import PrivateResponseMiddleware
from django_plenigo.models import CustomerLink
from django_plenigo.paywall import PaywallMixin, paywall_required

pytestmark = pytest.mark.django_db

GATE = (
    '{% load plenigo %}{% plenigo_paywall "DAYPASS" %}article'
    "{% offer %}offer{% unknown %}unknown{% endplenigo_paywall %}"
)


@pytest.fixture
def buyer(sandbox, reader):
    sandbox.buy(CustomerLink.objects.get(user=reader).customer_id, "DAYPASS")
    return reader


def respond(user, source=GATE, wrap=lambda view: view, **context):
    def view(request):
        return HttpResponse(Template(source).render(Context({"request": request, **context})))

    request = RequestFactory().get("/article/")
    request.user = user
    return PrivateResponseMiddleware(wrap(view))(request)


def text(user, source=GATE, **context):
    return respond(user, source, **context).content.decode()


def test_buyer_reads_the_article(buyer):
    assert text(buyer) == "article"


def test_visitor_and_other_readers_get_the_offer(reader):
    assert text(AnonymousUser()) == text(reader) == "offer"


def test_outage_shows_the_third_branch_and_never_an_offer(sandbox, reader):
    sandbox.fail_next(status=500, times=5)
    assert text(reader) == "unknown"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{% plenigo_paywall "DAYPASS" %}article{% endplenigo_paywall %}', ""),
        ('{% plenigo_paywall "DAYPASS" %}article{% unknown %}unknown{% endplenigo_paywall %}', ""),
        ('{% plenigo_paywall "DAYPASS" %}article{% offer %}offer{% endplenigo_paywall %}', "offer"),
    ],
)
def test_branches_may_be_left_out(source, expected):
    assert text(AnonymousUser(), "{% load plenigo %}" + source) == expected


def test_any_of_several_products_and_lists_opens(sandbox, buyer):
    source = '{% load plenigo %}{% plenigo_paywall "OTHER" products %}article{% offer %}offer{% endplenigo_paywall %}'
    assert text(buyer, source, products=["MONTHLY", "DAYPASS"]) == "article"


def test_many_gates_of_one_page_ask_once(sandbox, reader):
    text(reader, GATE * 5)
    assert len(sandbox.calls) == 1


def test_many_gates_of_one_page_wait_once_for_a_dead_vendor(sandbox, reader):
    gates = "".join(GATE.replace("DAYPASS", f"PRODUCT{number}") for number in range(5))
    sandbox.fail_next(status=500, times=50)
    assert text(reader, gates) == "unknown" * 5
    assert len(sandbox.calls) == 1


def test_gates_of_one_page_wait_no_longer_than_one_call_may_take(sandbox, reader, settings):
    """The second answer would come within the time of a call of its own, but not within what the page has left."""
    settings.PLENIGO = {"default": {"MODE": "sandbox", "TIMEOUT_SECONDS": 1.0}}
    sandbox.delay_next(0.4)
    sandbox.delay_next(0.8, times=None)
    assert text(reader, GATE + GATE.replace("DAYPASS", "MONTHLY")) == "offer" + "unknown"


def test_unlinked_reader_costs_one_query_for_any_number_of_gates(user, django_assert_num_queries):
    gates = "".join(GATE.replace("DAYPASS", f"PRODUCT{number}") for number in range(20))
    with django_assert_num_queries(1):
        assert text(user, gates) == "offer" * 20


@pytest.mark.parametrize("value", [None, "", [], 7])
def test_gate_whose_variable_names_no_product_says_which(db, value):
    source = "{% load plenigo %}{% plenigo_paywall article.products %}article{% endplenigo_paywall %}"
    with pytest.raises(InvalidValueError, match=r"article\.products names no product"):
        text(AnonymousUser(), source, article={"products": value})


@pytest.mark.parametrize("source", ["{% plenigo_paywall %}", '{% plenigo_paywall "A" usin="x" %}'])
def test_wrong_gate_fails_at_compile_time(source):
    with pytest.raises(TemplateSyntaxError):
        Template("{% load plenigo %}" + source + "{% endplenigo_paywall %}")


def test_gated_response_is_private_whatever_the_answer(sandbox, buyer):
    for user in (buyer, AnonymousUser()):
        assert respond(user).headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("wrap", [cache_page(600)])
def test_page_cache_keeps_no_gated_page(sandbox, buyer, wrap):
    assert respond(buyer, wrap=wrap).content == b"article"
    assert respond(AnonymousUser(), wrap=wrap).content == b"offer"


def test_gate_inside_a_cached_fragment_is_refused(sandbox, buyer):
    with pytest.raises(ConfigurationError, match="move the tag out of the cache"):
        text(buyer, "{% load cache %}{% cache 60 x %}" + GATE + "{% endcache %}")


def test_gate_without_the_middleware_is_refused(sandbox, buyer):
    request = RequestFactory().get("/")
    request.user = buyer
    with pytest.raises(ConfigurationError, match="PrivateResponseMiddleware"):
        Template(GATE).render(Context({"request": request}))


@pytest.mark.parametrize("path", ["/gated/", "/mixed/"], ids=["decorator", "mixin"])
class TestGatedView:
    """The decorator and the mixin."""

    def test_buyer_reads_the_article(self, client, buyer, path):
        client.force_login(buyer)
        response = client.get(path)
        assert (response.status_code, response.content) == (200, b"the whole article")
        assert response.headers["Cache-Control"] == "private, no-store"

    def test_visitor_gets_403_with_the_offer(self, client, db, path):
        response = client.get(path)
        assert response.status_code == 403
        assert "data-plenigo-offer=" in response.content.decode()
        assert response.headers["Cache-Control"] == "private, no-store"

    def test_outage_is_503_with_retry_after_and_no_offer(self, client, sandbox, reader, path):
        client.force_login(reader)
        sandbox.fail_next(status=500, times=5)
        response = client.get(path)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
        assert "data-plenigo-offer=" not in response.content.decode()
        assert "You do not need to pay again" in response.content.decode()


@pytest.mark.parametrize("order", ["cache outside", "cache inside"])
def test_gated_view_is_not_kept_by_cache_page_in_either_order(sandbox, buyer, order):
    def view(request):
        return HttpResponse("the whole article")

    gate, keep = paywall_required("DAYPASS"), cache_page(600)
    gated = keep(gate(view)) if order == "cache outside" else gate(keep(view))
    statuses = []
    for user in (buyer, AnonymousUser()):
        request = RequestFactory().get("/article/")
        request.user = user
        statuses.append(PrivateResponseMiddleware(gated)(request).status_code)
    assert statuses == [200, 403]


def test_gated_page_is_not_served_by_the_sites_own_page_cache(sandbox, buyer):
    """A `cache_page` further in and a page cache around the site share their keys."""
    calls = []

    def view(request):
        calls.append(request)
        return HttpResponse("the whole article")

    gated = paywall_required("DAYPASS")(cache_page(600)(view))
    for _ in range(2):
        request = RequestFactory().get("/article/")
        request.user = buyer
        PrivateResponseMiddleware(gated)(request)
    assert len(calls) == 2


def test_products_may_depend_on_the_article(sandbox, buyer):
    @paywall_required(lambda request, slug: [slug.upper()])
    def view(request, slug):
        return HttpResponse(slug)

    request = RequestFactory().get("/")
    request.user = buyer
    assert view(request, slug="daypass").status_code == 200


def test_asynchronous_view_is_gated_too(db):
    @paywall_required("DAYPASS")
    async def view(request):
        return HttpResponse("the whole article")

    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    assert async_to_sync(view)(request).status_code == 403


class AsynchronousView(PaywallMixin, View):
    paywall_products = ["DAYPASS"]

    async def get(self, request):
        return HttpResponse("the whole article")


@pytest.mark.parametrize(
    ("method", "has_bought", "status"), [("GET", True, 200), ("GET", False, 403), ("PUT", True, 405)]
)
def test_asynchronous_class_based_view_is_gated_too(sandbox, buyer, method, has_bought, status):
    request = RequestFactory().generic(method, "/")
    request.user = buyer if has_bought else AnonymousUser()
    response = async_to_sync(AsynchronousView.as_view())(request)
    assert (response.status_code, response.headers["Cache-Control"]) == (status, "private, no-store")


@pytest.mark.parametrize("products", [(), (["DAYPASS", "MONTHLY"],), (None,)])
def test_wrong_products_of_a_decorator_are_told_when_the_site_starts(products):
    with pytest.raises(InvalidValueError, match="products"):
        paywall_required(*products)


@pytest.mark.parametrize("branch", ["offer", "unknown", "endplenigo_paywall"])
def test_branch_with_arguments_is_told_at_compile_time(branch):
    with pytest.raises(TemplateSyntaxError, match="takes no arguments"):
        Template(GATE.replace(f"{{% {branch} %}}", f'{{% {branch} "DAYPASS" %}}'))
