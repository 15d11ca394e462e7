"""The snippet in an `onclick` attribute, with titles that would break out of it."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

TITLES = {
    "quotes": """"double", 'single' and `back` quotes, „German“ ones""",
    "script": """</script><script>document.title = "taken"</script><!-- -->""",
    "entities": "&quot; &amp;quot; &#39; &notit;",
    "letters": "Ärger über Öl & Straße, 東京, 👩‍🚀🇩🇪",
    "separators": "one\u2028two\u2029three",
    "backslashes": r"C:\new\u0022\x22\' ${a} {{ b }} {% c %}",
}


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES)
def test_checkout_shows_exactly_the_title_of_the_snippet(newspaper, page, sign_in, reader, title):
    sign_in(reader)
    newspaper.open("snippet", "?" + urlencode({"title": title}))
    newspaper.press("Buy the e-book")
    product = newspaper.checkout.line("Product")
    expect(product).to_contain_text("E_SNIPPET")
    assert product.evaluate("(element) => element.firstChild.data") == title
    expect(newspaper.checkout.line("Price")).to_have_text("2.50 EUR")


@pytest.mark.usefixtures("either_api")
def test_visitor_who_clicks_a_snippet_may_say_who_she_is_in_the_checkout(newspaper):
    newspaper.open("snippets")
    newspaper.press("Buy the yearbook")
    expect(newspaper.checkout.frame.get_by_label("E-mail address")).to_be_visible()


@pytest.mark.usefixtures("either_api")
def test_reader_is_told_that_a_content_blocker_keeps_the_snippet_from_working(
    newspaper, page, content_blocker, sign_in, reader
):
    sign_in(reader)
    newspaper.open("snippets")
    page.locator("body").evaluate("() => { window.onerror = () => true; }")  # v2's own snippet fails, as it must
    newspaper.press("Buy the yearbook")
    content_blocker()
    expect(newspaper.message).to_contain_text("The checkout could not be loaded. Nothing was charged.")
