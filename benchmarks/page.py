"""Measure an article page with twenty offers against the same page without, through the whole of Django.

    python -m benchmarks.page [--rounds 9] [--check]

The page costs three queries: the session in the database, the user, the article. Twenty buttons call nobody; twenty
snippets share one call, however slow the vendor is. Both are counted exactly.
"""

import argparse
import sys
from typing import Any

from benchmarks import pairs, site

OFFERS = 20
CALLS = 20
GATE = 1.5

HEAD = "{% load plenigo %}<!doctype html><title>{{ article.name }}</title><h1>{{ article.name }}</h1>"
BUTTON = '{% plenigo_checkout_button "DAYPASS" "Buy" title=title price=1.99 currency="EUR" type="EBOOK" %}'
SNIPPET = '<button onclick="{% plenigo_checkout "DAYPASS" title=title price=1.99 currency="EUR" type="EBOOK" %}">'
PARAGRAPH = "<p>{{ article.name }} and what else there is to say about it, at some length.</p>\n"


def main() -> int:
    """Print a line of JSON a page, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured, at least 2")
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    arguments = parser.parse_args()
    site.set_up()
    from django.contrib.auth.models import Group
    from django.db import connection
    from django.http import HttpResponse
    from django.template import engines
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import path

    import tests.urls
    from django_plenigo.sandbox.testing import Sandbox

    Group.objects.create(name="Night trains are back")  # stands for an article
    engine = engines["django"]
    numbers = range(OFFERS)
    sources = {
        "plain": HEAD + PARAGRAPH * 10,
        "buttons": HEAD + PARAGRAPH * 10 + "{% for title in titles %}" + BUTTON + "{% endfor %}",
        "snippets": HEAD + PARAGRAPH * 10 + "{% for title in titles %}" + SNIPPET + "{% endfor %}",
    }
    templates = {name: engine.from_string(source) for name, source in sources.items()}

    def page(request: Any, name: str) -> HttpResponse:
        request.user.is_authenticated  # noqa: B018 - reads the session and the user, as every page of a site does
        context = {"article": Group.objects.get(), "titles": [f"Part {number}" for number in numbers]}
        return HttpResponse(templates[name].render(context, request))

    tests.urls.urlpatterns.insert(0, path("benchmark/<slug:name>/", page))
    sandbox, client = Sandbox(), Client()
    client.force_login(site.registered_reader())

    def counted(name: str) -> tuple[int, int]:
        client.get(f"/benchmark/{name}/")
        sandbox.calls.clear()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/benchmark/{name}/").status_code == 200
        own = [query for query in queries if "plenigo_sandbox" not in query["sql"]]
        return len([query for query in own if "SAVEPOINT" not in query["sql"]]), len(sandbox.calls)

    plain_queries, _ = counted("plain")
    button_queries, button_calls = counted("buttons")
    _, snippet_calls = counted("snippets")
    counts = {
        "queries_of_the_page": (plain_queries, 3),
        "queries_beyond_one_more": (max(button_queries - plain_queries - 1, 0), 0),
        "remote_calls_of_buttons": (button_calls, 0),
        "remote_calls_of_snippets": (snippet_calls, 1),
    }
    ratio = pairs.compare(
        lambda: client.get("/benchmark/buttons/"),
        lambda: client.get("/benchmark/plain/"),
        rounds=arguments.rounds,
        calls=CALLS,
    )
    missed = pairs.report("page", f"{OFFERS} buttons", "the page without", ratio, GATE, counts)
    return int(missed and arguments.check)


if __name__ == "__main__":
    sys.exit(main())
