"""One process of the race of webhooks: does what its argument says, and prints what came of it as JSON.

python -m tests.races.take_webhooks prepare            make a reader whose reference the vendor will bring back
python -m tests.races.take_webhooks deliver THREADS    take the same delivery so often at once, and work on it
python -m tests.races.take_webhooks refuse THREADS     take a hundred unsigned deliveries, so many at once
python -m tests.races.take_webhooks work STATEMENTS    work on what is due, and die at the statement of that number
python -m tests.races.take_webhooks look               tell what is there
"""

import hashlib
import hmac
import json
import os
import signal
import sys
import threading
from collections import Counter
from datetime import timedelta

import django

KEY = "a key that proves deliveries"
ACCOUNT = {"API": "v2", "MODE": "sandbox", "DELIVERY": "", "EMAIL_IS_VERIFIED": "tests.webhooks.conftest.is_verified"}
PORTALS = {
    "okepay": {"BACKEND": "django_plenigo.protocols.okepay.OkePay", "MODE": "sandbox", "WEBHOOK_KEYS": [KEY]},
}

if __name__ == "__main__":
    django.setup()
    from django.db import connection, connections
    from django.test import Client, override_settings

    from django_plenigo.models import PortalAccount, WebhookDelivery
    from django_plenigo.services import due_work, portals
    from django_plenigo.services.webhooks import refusing
    from tests.factories import UserFactory

    def prepare() -> object:
        return portals.reference_for(UserFactory(username="buyer", email="jane@example.com"), "okepay")

    def body() -> bytes:
        (reference,) = PortalAccount.objects.values_list("our_reference", flat=True)
        contact = {"id": 4711, "uuid": "c0ffee00", "email": "jane@example.com"}
        invoice = {"referenceId": reference, "amount": 1250, "currency": "CHF"}
        told = {"id": 17, "uuid": "82m09f9", "status": "active", "invoice": invoice, "contact": contact}
        return json.dumps({"subscription": told}).encode()

    def post_at_once(count: int, told: bytes, headers: dict[str, str], times: int = 1) -> Counter[int]:
        begin, statuses = threading.Barrier(count), Counter[int]()

        def run() -> None:
            begin.wait()
            for _ in range(times):
                url = "/plenigo/webhooks/okepay/"
                response = Client().post(url, told, content_type="application/json", headers=headers)
                statuses[response.status_code] += 1
            connections.close_all()

        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return statuses

    def deliver(count: int) -> object:
        told = body()
        signed = {"X-Webhook-Signature": hmac.new(KEY.encode(), told, hashlib.sha256).hexdigest()}
        statuses = post_at_once(count, told, signed)
        if count > 1:
            due_work.run_due_work()
        return statuses

    def refuse(count: int) -> object:
        refusing.FOLDING, refusing.MOST_REFUSED = timedelta(0), 5
        return post_at_once(count, b"{}", {}, times=100 // count)

    def work(most_statements: int) -> object:
        # As if the lease of whoever died before had ended.
        WebhookDelivery.objects.update(lease=None, leased_until=None)
        seen = 0

        def die(execute, sql, parameters, many, context):  # type: ignore[no-untyped-def]
            nonlocal seen
            seen += 1
            if seen == most_statements:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, parameters, many, context)

        with connection.execute_wrapper(die):
            due_work.run_due_work()
        return seen

    def look() -> object:
        fields = ("state", "reason", "repeated", "attempts")
        rows = WebhookDelivery.objects.exclude(state="refused")
        return {
            "deliveries": [list(row) for row in rows.values_list(*fields)],
            "bodies": rows.exclude(body=None).count(),
            "refused": WebhookDelivery.objects.filter(state="refused").count(),
            "references": list(PortalAccount.objects.values_list("reference", flat=True)),
        }

    verbs = {"prepare": prepare, "deliver": deliver, "refuse": refuse, "work": work, "look": look}
    with override_settings(PLENIGO={"default": ACCOUNT}, PLENIGO_PORTALS=PORTALS):
        if sys.argv[1] in ("deliver", "refuse"):
            sys.stdin.readline()  # so that all begin at once
        answer = verbs[sys.argv[1]](*map(int, sys.argv[2:]))  # type: ignore[operator]
    sys.stdout.write(json.dumps(answer))
