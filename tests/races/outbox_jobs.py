"""What the processes of an outbox race do: change addresses, tell the vendor, and look at the end."""

import random
import threading
import time
from collections import Counter
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, transaction
from django.db.models import F

from django_plenigo import backends
from django_plenigo.models import AccessId, CustomerLink, RemoteChange
from django_plenigo.services import access_ids, customers, drift, outbox, sending
from django_plenigo.services.sending import Step
from django_plenigo.services.sending.claims import Claim
from tests.races.nursery import Talk

#: On top of what calls may take: a killed worker's customers wait for so long.
LEASE_SECONDS = 0.5


#: How a site changes a reader, and how often.
WAYS = {"save": 50, "transaction": 15, "rollback": 10, "update": 10, "register": 8, "access id": 7}


def load() -> None:
    """Load what is loaded at first use, so that each process need not."""
    backends.get_client("default")
    connections["default"].ops  # noqa: B018 - the database's own modules
    get_user_model().objects.filter(pk=0).query.get_compiler("default").as_sql()


def prepare(talk: Talk, readers: int) -> None:
    """Make so many readers who are customers."""
    user_model = get_user_model()
    users = [user_model(username=f"reader{number}", email=f"reader{number}@example.com") for number in range(readers)]
    user_model.objects.bulk_create(users, batch_size=100)
    links = [
        CustomerLink(user=user, customer_id=f"C-{user.username}", confirmed_email=user.email)
        for user in user_model.objects.all()
    ]
    CustomerLink.objects.bulk_create(links, batch_size=100)
    RemoteChange.objects.bulk_create(
        [
            RemoteChange(link=link, kind=kind)
            for link in CustomerLink.objects.all()
            for kind in outbox.KINDS_OF_EVERY_LINK
        ],
        batch_size=100,
    )
    talk.say("done")


def change_all(talk: Talk) -> None:
    """Change the address of every reader once, and say how many there were."""
    users = list(get_user_model().objects.all())
    for user in users:
        user.email = f"{user.username}.new@example.com"
        user.save()
    talk.say(len(users))


def change_past_signals(talk: Talk, number: int) -> None:
    """Change so many addresses as SQL would."""
    for user in get_user_model().objects.order_by("?")[:number]:
        get_user_model().objects.filter(pk=user.pk).update(email=f"{user.username}.sql@example.com")
    talk.say(number)


def change_addresses(talk: Talk, seed: int, at_least: int, pause_seconds: float) -> None:
    """Change readers in all ways that a site has, at least so many and until the test says enough."""
    chance, made = random.Random(seed), Counter[str]()
    keys = list(get_user_model().objects.values_list("pk", flat=True))
    while made.total() < at_least or not talk.has_heard():
        user = get_user_model().objects.get(pk=chance.choice(keys))
        user.email = f"{user.username}.{seed}.{made.total()}@example.com"
        way = chance.choices(list(WAYS), list(WAYS.values()))[0]
        try:
            _change(user, way, chance)
        except DatabaseError as error:
            made[f"{type(error).__name__}: {error}"] += 1
        made[way] += 1
        time.sleep(pause_seconds)
    talk.say(made)


def _change(user: Any, way: str, chance: random.Random) -> None:
    if way == "save":
        user.save()
    elif way == "register":
        name = user.email.partition("@")[0]
        customers.request_registration(get_user_model().objects.create(username=name, email=user.email))
    elif way == "access id":
        access_ids.import_access_ids(user, [user.email.partition("@")[0]])
    elif way == "update":  # no signal tells of it
        get_user_model().objects.filter(pk=user.pk).update(email=user.email)
    else:
        with transaction.atomic():
            user.save()
            time.sleep(chance.random() / 100)
            transaction.set_rollback(way == "rollback")


def deliver(
    talk: Talk, workers: int, gap: str | None = None, after: int = 1, secret: str | None = None, runs: int = 0
) -> None:
    """Deliver until the test says enough, or so many runs; in a gap, stand still once so many have passed it."""
    if secret:
        settings.PLENIGO["default"]["SECRET"] = secret
    lock, passed = threading.Lock(), Counter[Step]()
    figures: Counter[str] = Counter()

    def observe(step: Step, claim: Claim) -> None:
        with lock:
            passed[step] += 1
            if step.value == gap and passed[step] == after:
                # A reader who is being registered is given this id by the vendor of the test.
                talk.say({"gap": gap, "customer": claim.link.customer_id or f"C{claim.link.user_id}"})
                talk.hear()

    while not talk.has_heard():
        try:
            delivery = sending.deliver_due(
                workers=workers, observe=observe, must_stop=talk.has_heard, lease_seconds=LEASE_SECONDS
            )
        except DatabaseError as error:
            figures[f"{type(error).__name__}: {error}"] += 1
            continue
        figures.update(delivered=delivery.delivered, postponed=delivery.postponed, refused=delivery.refused)
        runs -= 1
        if runs == 0:
            break
        time.sleep(0.02)
    talk.say(figures)


def press_try_again(talk: Talk, every_seconds: float) -> None:
    """Do as an agent who has no patience: try again whatever waits, and end the pauses."""
    while not talk.has_heard():
        try:
            outbox.try_again(RemoteChange.objects.exclude(due_at=None))
            outbox.resume("default")
        except DatabaseError as error:
            talk.say(f"{type(error).__name__}: {error}")
            return
        time.sleep(every_seconds)
    talk.say("done")


def find_drift(talk: Talk) -> None:
    """Find what no signal told of, and say how much it was."""
    talk.say(drift.note_drift())


def look(talk: Talk) -> None:
    """Tell what is in the database."""
    links = CustomerLink.objects.select_related("user")
    changes = RemoteChange.objects
    talk.say(
        {
            "leased": links.exclude(lease=None).count(),
            "due": changes.exclude(due_at=None).count(),
            "waiting": changes.filter(noted__gt=F("delivered")).count(),
            "refused": changes.exclude(refused_at=None).count(),
            "emails": {link.customer_id: link.user.email for link in links},
            "confirmed": {link.customer_id: link.confirmed_email for link in links},
            "access_ids": dict(AccessId.objects.values_list("link__customer_id", "value")),
        }
    )
