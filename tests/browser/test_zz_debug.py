import time, re
from playwright.sync_api import expect
from tests.browser.conftest import CHROMIUM, Newspaper
def test_history(newspaper, page, sign_in, reader):
    sign_in(reader)
    newspaper.open("headlines")
    newspaper.open("article")
    print("len", page.evaluate("history.length"))
    newspaper.press("Buy and read")
    newspaper.checkout.press("Buy")
    newspaper.has_article()
    print("len", page.evaluate("history.length"))
    page.go_back()
    print("BACK", page.url, page.locator("main").inner_text())
def test_bf(browser_type, browser_type_launch_args, base_url, newspaper, page, sign_in, reader):
    browser = browser_type.launch(**browser_type_launch_args, ignore_default_args=["--disable-back-forward-cache"])
    context = browser.new_context(base_url=base_url, locale="en-GB")
    page = context.new_page()
    n = Newspaper(page)
    n.open("offers")
    page.evaluate("window.kept = true; window.addEventListener('pageshow', (e) => { window.shown = e.persisted; })")
    n.press("Buy the yearbook")   # a visitor: to the log-in
    expect(page.get_by_label("Username")).to_be_visible()
    sign_in(reader, context)
    page.evaluate("history.back()")
    try:
        page.wait_for_url("**/news/offers/", timeout=20000)
    except Exception as e: print("URL", str(e)[:80])
    print("KEPT", page.evaluate("[window.kept, window.shown]"))
    n.press("Buy the day pass")
    print(n.checkout.line("Product").inner_text())
    browser.close()
