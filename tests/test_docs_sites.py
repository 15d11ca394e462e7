"""The README and the quickstart, done word for word in the project that `django-admin startproject` makes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.pages import ROOT, TEMPLATES, blocks_of

VISIT = """
import django
django.setup()
import html, json, re
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
reader = get_user_model().objects.create_superuser("ada", "ada@example.com", "secret")
browser = Client(SERVER_NAME="localhost")

def page():
    return browser.get("/article/").content.decode()

def click():
    offer = html.unescape(re.search('data-plenigo-offer="([^"]+)"', page())[1])
    values = {"offer": offer, "page": "/article/"}
    return browser.post("/plenigo/api/checkout/", values, content_type="application/json").json()

assert "The whole article." not in page()
login_url = click()["login_url"]
assert browser.get(login_url).status_code == 200, login_url
come_back = browser.post(login_url, {"username": "ada", "password": "secret", "next": "/article/"})
assert (come_back.status_code, come_back["Location"]) == (302, "/article/")
checkout = click()
BUY
assert "The whole article." in page()
"""

BUY_V2 = """
assert checkout["function"] == "plenigo.checkoutWithRemoteLogin", checkout
script = re.search('src="(/plenigo-sandbox[^"]+)"', page())[1]
assert browser.get(script).status_code == 200
call_command("plenigo_sandbox_buy", str(reader.pk), "EgLUrT56328991046641", verbosity=0)
assert browser.get(checkout["arguments"]["targetUrl"])["Location"] == "/article/"
"""

BUY_V3 = """
from django_plenigo.sandbox.testing import Sandbox
order = {"order_id": Sandbox().complete_purchase(checkout["purchase_id"])}
bought = browser.post(checkout["purchase_url"], order, content_type="application/json").json()
assert bought == {"is_bought": True, "next": "/article/"}, bought
"""

#: What a site has that shows an article already.
SETTINGS_OF_A_SITE = 'TEMPLATES[0]["DIRS"] += [BASE_DIR / "templates"]\n'
URLS_OF_A_SITE = """
from django.views.generic import TemplateView
urlpatterns += [path("article/", TemplateView.as_view(template_name="article.html"))]
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A project as Django makes it, with a folder for templates."""
    call_command("startproject", "mysite", str(tmp_path))
    (tmp_path / "templates").mkdir()
    return tmp_path


def append(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text()}\n{text}")


def visit(site: Path, buy: str) -> None:
    """Visit the article, click, log in, click, buy and read."""
    environ = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "DJANGO_SETTINGS_MODULE": "mysite.settings"}
    answer = subprocess.run(
        [sys.executable, "-c", VISIT.replace("BUY", buy)],
        cwd=site,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_readme_gates_an_article_of_a_site_that_there_is(site):
    blocks = blocks_of(Path("README.md"))
    settings_block, urls_block = [block.text for block in blocks if block.language == "python"]
    template = next(block.text for block in blocks if block.language in TEMPLATES)
    append(site / "mysite" / "settings.py", SETTINGS_OF_A_SITE + settings_block)
    append(site / "mysite" / "urls.py", URLS_OF_A_SITE + urls_block)
    (site / "templates" / "article.html").write_text(template)
    visit(site, BUY_V2)


@pytest.mark.parametrize("buy", [BUY_V2, BUY_V3], ids=["v2", "v3"])
def test_quickstart_makes_a_working_gate(site, buy):
    blocks = blocks_of(Path("docs/quickstart.md"))
    settings_block, account_on_v3, urls_block = [block.text for block in blocks if block.language == "python"][:3]
    template = next(block.text for block in blocks if block.language in TEMPLATES)
    append(site / "mysite" / "settings.py", settings_block + (account_on_v3 if buy == BUY_V3 else ""))
    (site / "mysite" / "urls.py").write_text(urls_block)
    (site / "templates" / "article.html").write_text(template)
    visit(site, buy)
