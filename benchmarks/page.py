"""Measure an article page with twenty offers against the same page without, through the whole of Django.

    python -m benchmarks.page [--rounds 9] [--check]

It is a page of the example newspaper, with an article and a list of twenty titles, each with a button or without.
The page costs three queries: the session in the database, the reader, the article. Twenty buttons call nobody; twenty
snippets share one call, however slow the vendor is. Both are counted exactly.
"""

import argparse
import sys
from typing import Any

from benchmarks import pairs, site

OFFERS = 20
GATE = 1.5

PAGE = """{% extends "newspaper/base.html" %}{% load plenigo %}{% block content %}
<article><h1>{{ article.title }}</h1> <p>{{ article.teaser }}</p> {{ article.body|linebreaks }}</article>
<ul>{% for title in titles %}<li><h2>{{ title }}</h2> OFFER</li>{% endfor %}</ul>{% endblock %}"""
OPTIONS = 'title=title price=1.99 currency="EUR" type="EBOOK"'
OFFER_TAGS = {
    "plain": "",
    "buttons": f'{{% plenigo_checkout_button "DAYPASS" "Buy" {OPTIONS} %}}',
    "snippets": f'<button onclick="{{% plenigo_checkout "DAYPASS" {OPTIONS} %}}">Buy</button>',
}


def main() -> int:
    """Print a line of JSON, and with --check return 1 where a gate is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured, at least 2")
    parser.add_argument("--check", action="store_true", help="fail where a gate is missed")
    arguments = parser.parse_args()
    site.set_up_newspaper()
    from django.db import connection
    from django.http import HttpResponse
    from django.template import engines
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import path

    from config.urls import urlpatterns
    from django_plenigo.sandbox.testing import Sandbox
    from newspaper.models import Article

    titles = [f"Part {number}" for number in range(OFFERS)]
    templates = {name: engines["django"].from_string(PAGE.replace("OFFER", tag)) for name, tag in OFFER_TAGS.items()}

    def page(request: Any, name: str) -> HttpResponse:
        context = {"article": Article.objects.get(slug="moss-clock"), "titles": titles}
        return HttpResponse(templates[name].render(context, request))

    urlpatterns.insert(0, path("benchmark/<slug:name>/", page))
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
    )
    missed = pairs.report("page", f"{OFFERS} buttons", "the page without", ratio, GATE, counts)
    return int(missed and arguments.check)


if __name__ == "__main__":
    sys.exit(main())
