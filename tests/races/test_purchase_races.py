"""Several tabs, one customer, one purchase of each product: on SQLite and PostgreSQL, in processes."""

import json
from collections import Counter

from tests.races.processes import python, run

PRODUCTS = 20
TABS = 3

#: Opens the checkout of every product in every tab, and prints what the forms would send.
OPEN_TABS = f"""
import json
import django; django.setup()
from django.test import Client
from django_plenigo.sandbox.testing import Sandbox
from tests.sandbox.pages.conftest import MOUNT, SITE, send, sign
sandbox = Sandbox()
customer = sandbox.create_customer()
address = f"{{MOUNT}}checkout/{{sandbox.company.company_id}}/"

def form(product):
    payment_data = sign(pi=f"item-{{product}}", ti="An article", pr=1)
    token = sandbox.create_login_token(customer)
    page = send(Client(), address, {{"origin": SITE, "paymentData": payment_data, "loginToken": token}})
    return address + "next/", {{"origin": SITE, "ticket": page.hidden("ticket"), "action": "buy"}}

print(json.dumps([[form(product) for product in range({PRODUCTS})] for _tab in range({TABS})]))
"""

COUNT_PURCHASES = """
import django; django.setup()
from django_plenigo.sandbox.models import Purchase
print(Purchase.objects.count(), Purchase.objects.values("product_id").distinct().count())
"""


def test_product_bought_in_three_tabs_at_once_is_paid_once(database_url: str) -> None:
    tabs = json.loads(run("-c", OPEN_TABS, DATABASE_URL=database_url))
    workers = [python("-m", "tests.races.buy_products", DATABASE_URL=database_url) for _ in tabs]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker, tab in zip(workers, tabs, strict=True):
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(tab) + "\n")
        worker.stdin.flush()
    outcomes: Counter[str] = Counter()
    for worker in workers:
        out, err = worker.communicate(timeout=400)
        assert worker.returncode == 0, err
        outcomes.update(json.loads(out))
    assert outcomes == {"bought": PRODUCTS, "owned": PRODUCTS * (TABS - 1)}
    assert run("-c", COUNT_PURCHASES, DATABASE_URL=database_url).split() == [str(PRODUCTS), str(PRODUCTS)]
