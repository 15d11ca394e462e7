"""Company ids are opaque: whatever the merchant backend lets somebody create can be used (page 1.2)."""

from urllib.parse import quote

import pytest

from django_plenigo.sandbox.models import Company
from tests.sandbox.vendor_client import VendorClient, claims, sign

ODD_IDS = ["acme-1", "acme.shop_2", "Ärzteblatt", "two words", "a%20b"]


@pytest.fixture(params=ODD_IDS)
def odd_company(request, db):
    """A company whose id is more than letters and digits."""
    return Company.objects.create(company_id=request.param, name="The Odd Gazette")


def test_company_of_any_id_is_authenticated(odd_company):
    client = VendorClient(odd_company.company_id, odd_company.secret)
    assert client("GET", "paywall/state").status_code == 200


def test_company_of_any_id_has_a_script_and_pages(client, odd_company):
    name = quote(odd_company.company_id, safe="")
    script = f"/plenigo-sandbox/static_resources/javascript/{name}/plenigo_sdk.min.js"
    assert client.get(script).status_code == 200
    page = client.get(f"/plenigo-sandbox/login/{name}/", {"origin": "https://shop.example"})
    assert (page.status_code, odd_company.name in page.content.decode()) == (200, True)


@pytest.mark.parametrize("company_id", ["", "\0", "\ud800", "x" * 500, ["acme"], None, 7])
def test_what_is_no_id_is_refused(api, company_id):
    assert api("GET", "paywall/state", token=sign(claims(companyId=company_id))).status_code == 401
