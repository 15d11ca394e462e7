"""Connects a reader to a customer who was imported without an e-mail address (API v3)."""

from typing import TYPE_CHECKING

from django_plenigo.first_use import load_at_first_use
from django_plenigo.services.hashes import email_hashes, number_hashes

if TYPE_CHECKING:
    from django_plenigo.services.connection.events import FAILURES, STATE_AFTER, Event, State
    from django_plenigo.services.connection.forms import CodeForm, ConnectionForm
    from django_plenigo.services.connection.process import Process, keep_process, kept_process
    from django_plenigo.services.connection.records import connections, count_old, prune
    from django_plenigo.services.connection.sentences import (
        FOR_READER,
        description_of_channel,
        sentence_of,
        sentence_of_field,
        words_of,
    )
    from django_plenigo.services.connection.stepping import (
        Outcome,
        check_offer,
        confirm,
        resend,
        sign_in,
        start,
        without_code,
    )
    from django_plenigo.services.connection.undoing import allow_again, undo
    from django_plenigo.services.connection.visitors import is_buyer_kept, keep_buyer, link_buyer

__all__ = [
    "FAILURES",
    "FOR_READER",
    "STATE_AFTER",
    "CodeForm",
    "ConnectionForm",
    "Event",
    "Outcome",
    "Process",
    "State",
    "allow_again",
    "check_offer",
    "confirm",
    "connections",
    "count_old",
    "description_of_channel",
    "email_hashes",
    "is_buyer_kept",
    "keep_buyer",
    "keep_process",
    "kept_process",
    "link_buyer",
    "number_hashes",
    "prune",
    "resend",
    "sentence_of",
    "sentence_of_field",
    "sign_in",
    "start",
    "undo",
    "without_code",
    "words_of",
]

__getattr__ = load_at_first_use(
    __name__,
    {
        "events": ["FAILURES", "STATE_AFTER", "Event", "State"],
        "forms": ["CodeForm", "ConnectionForm"],
        "process": ["Process", "keep_process", "kept_process"],
        "records": ["connections", "count_old", "prune"],
        "sentences": ["FOR_READER", "description_of_channel", "sentence_of", "sentence_of_field", "words_of"],
        "stepping": ["Outcome", "check_offer", "confirm", "resend", "sign_in", "start", "without_code"],
        "undoing": ["allow_again", "undo"],
        "visitors": ["is_buyer_kept", "keep_buyer", "link_buyer"],
    },
)
