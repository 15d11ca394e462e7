"""Clicks on the buttons of portals, and what is left of them."""

from html.parser import HTMLParser

from django_plenigo.models import PortalHandover
from tests.site.portals import TOKEN

ADDRESS = "/plenigo/portal/harbour/"


class Form(HTMLParser):
    """The first form of a page."""

    def __init__(self, text):
        super().__init__()
        self.action, self.fields, self.button = "", {}, ""
        self.is_in_button = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self.action, self.method = attributes["action"], attributes["method"]
        elif tag == "input":
            self.fields[attributes["name"]] = attributes["value"]
        self.is_in_button = tag == "button"

    def handle_data(self, data):
        if self.is_in_button:
            self.button, self.is_in_button = data, False


def page_of(response):
    text = response.content.decode()
    assert TOKEN not in text
    return text


def handovers():
    return list(PortalHandover.objects.order_by("pk").values_list("portal", "page", "outcome", "last_error"))
