"""Answers whether a reader may read a product: bought, not bought, or unknown.

A payer is never told to buy because of an outage: only the vendor's own fresh no is a no.
"""

from django_plenigo.services.access.answers import Access, AccessAnswer
from django_plenigo.services.access.asking import check_product_ids, has_access, has_bought
from django_plenigo.services.access.checking import AnswerNow, AnswersNow, ask_now
from django_plenigo.services.access.gates import check_access, check_access_in_response, confirm_purchase, look_up
from django_plenigo.services.access.keeping import (
    CHECKOUT_SECONDS,
    FAILURE_SECONDS,
    KeptAnswer,
    expect_purchase,
    forget_answers,
    kept_answers,
)

__all__ = [
    "CHECKOUT_SECONDS",
    "FAILURE_SECONDS",
    "Access",
    "AccessAnswer",
    "AnswerNow",
    "AnswersNow",
    "KeptAnswer",
    "ask_now",
    "check_access",
    "check_access_in_response",
    "check_product_ids",
    "confirm_purchase",
    "expect_purchase",
    "forget_answers",
    "has_access",
    "has_bought",
    "kept_answers",
    "look_up",
]
