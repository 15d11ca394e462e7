"""The stand-in for the vendor's script, at the vendor's addresses."""

import json
import re

import pytest

from .conftest import MOUNT


def script_address(company_id: str, version: str = "") -> str:
    return f"{MOUNT}static_resources/{version}javascript/{company_id}/plenigo_sdk.min.js"


@pytest.mark.parametrize("version", ["", "v2/"])
def test_script_is_served_at_both_addresses(client, company, version):
    response = client.get(script_address(company.company_id, version))
    assert (response.status_code, response["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "window.plenigo = {" in response.content.decode()


def test_script_carries_its_sentences_in_both_languages(client, company):
    text = client.get(script_address(company.company_id)).content.decode()
    texts = json.loads(re.search(r"\}\)\((\{.*\})\);\s*$", text)[1])
    assert sorted(texts) == ["de", "en"]
    assert texts["en"]["close"] == "Close"
    assert all("ORIGIN" in spoken["unreachable"] for spoken in texts.values())


def test_script_is_kept_and_asked_about_each_time(client, company):
    first = client.get(script_address(company.company_id))
    assert first["Cache-Control"] == "public, no-cache"
    second = client.get(script_address(company.company_id), headers={"If-None-Match": first["ETag"]})
    assert second.status_code == 304


@pytest.mark.parametrize("version", ["", "v2/"])
def test_script_of_an_unknown_company_is_not_there(client, company, version):
    assert client.get(script_address("Nobody", version)).status_code == 404


def test_script_of_the_demo_company_needs_no_command_before(client, db):
    assert client.get(script_address("Rk3WvT8nYq1LzB5cXp7M")).status_code == 200


@pytest.mark.parametrize(("name", "kind"), [("pages.js", "text/javascript"), ("checkout.css", "text/css")])
def test_asset_is_served_from_the_same_origin(client, name, kind):
    response = client.get(f"{MOUNT}static_resources/pages/{name}")
    assert (response.status_code, response["Content-Type"]) == (200, f"{kind}; charset=utf-8")


@pytest.mark.parametrize("name", ["plenigo_sdk.js", "..", "..%2F..%2Fapps.py", "other.css"])
def test_nothing_else_is_served(client, name):
    assert client.get(f"{MOUNT}static_resources/pages/{name}").status_code == 404
