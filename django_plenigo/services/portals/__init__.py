"""Who a reader is in the portals of PLENIGO_PORTALS, and the click that leads her there."""

from typing import TYPE_CHECKING

from django_plenigo.first_use import load_at_first_use

if TYPE_CHECKING:
    from django_plenigo.services.portals.accounts import (
        CHANGED,
        OF_ANOTHER_USER,
        TAKEN_AWAY,
        UNREADABLE,
        USER_HAS_ANOTHER,
        account_of,
        accounts_of,
        bind,
        customer_accounts_of,
        find_obstacle,
        is_taken_away,
        reference_for,
        take_away,
        user_of_reference,
    )
    from django_plenigo.services.portals.links import UnsafeLinkError, browser_address
    from django_plenigo.services.portals.opening import Opening, open_portal
    from django_plenigo.services.portals.outcomes import (
        FOR_READER,
        WITHOUT_ACCOUNT,
        Outcome,
        count_old,
        forget_old,
        was_just_sent_on,
        words_of,
    )
    from django_plenigo.services.portals.probing import Verdict, check_credentials
    from django_plenigo.services.portals.standing import (
        PortalView,
        connection_path,
        label_of,
        label_of_page,
        log_out_url_of,
        shown_log_outs,
        shows_one_subscription,
        views_of_user,
    )
    from django_plenigo.services.portals.targets import Target, check_target, read_target, sign_target

__all__ = [
    "CHANGED",
    "FOR_READER",
    "OF_ANOTHER_USER",
    "TAKEN_AWAY",
    "UNREADABLE",
    "USER_HAS_ANOTHER",
    "WITHOUT_ACCOUNT",
    "Opening",
    "Outcome",
    "PortalView",
    "Target",
    "UnsafeLinkError",
    "Verdict",
    "account_of",
    "accounts_of",
    "bind",
    "browser_address",
    "check_credentials",
    "check_target",
    "connection_path",
    "count_old",
    "customer_accounts_of",
    "find_obstacle",
    "forget_old",
    "is_taken_away",
    "label_of",
    "label_of_page",
    "log_out_url_of",
    "open_portal",
    "read_target",
    "reference_for",
    "shown_log_outs",
    "shows_one_subscription",
    "sign_target",
    "take_away",
    "user_of_reference",
    "views_of_user",
    "was_just_sent_on",
    "words_of",
]

__getattr__ = load_at_first_use(
    __name__,
    {
        "accounts": [
            "CHANGED",
            "OF_ANOTHER_USER",
            "TAKEN_AWAY",
            "UNREADABLE",
            "USER_HAS_ANOTHER",
            "account_of",
            "accounts_of",
            "bind",
            "customer_accounts_of",
            "find_obstacle",
            "is_taken_away",
            "reference_for",
            "take_away",
            "user_of_reference",
        ],
        "links": ["UnsafeLinkError", "browser_address"],
        "opening": ["Opening", "open_portal"],
        "outcomes": [
            "FOR_READER",
            "WITHOUT_ACCOUNT",
            "Outcome",
            "count_old",
            "forget_old",
            "was_just_sent_on",
            "words_of",
        ],
        "probing": ["Verdict", "check_credentials"],
        "standing": [
            "PortalView",
            "connection_path",
            "label_of",
            "label_of_page",
            "log_out_url_of",
            "shown_log_outs",
            "shows_one_subscription",
            "views_of_user",
        ],
        "targets": ["Target", "check_target", "read_target", "sign_target"],
    },
)
