"""One worker of the race: registers every user of the site, as fast as it can, and prints what it met."""

import json
import sys
from collections import Counter

import django

if __name__ == "__main__":
    django.setup()
    from django.contrib.auth import get_user_model

    from django_plenigo.services import customers

    sys.stdin.readline()  # all workers start at one word
    outcomes: Counter[str] = Counter()
    for user in get_user_model().objects.order_by("pk"):
        try:
            outcomes["registered" if customers.register(user).is_registered else "unregistered"] += 1
        except Exception as error:  # noqa: BLE001 - whatever a worker meets is what the test looks at
            outcomes[f"{type(error).__name__}: {error}"] += 1
    sys.stdout.write(json.dumps(outcomes))
