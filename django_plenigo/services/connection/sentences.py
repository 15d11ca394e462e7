"""What a reader is told about a connection, and what an agent: doors show these, whatever they are made of."""

from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone
from django.utils.formats import time_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_plenigo.services import customers
from django_plenigo.services.connection import records
from django_plenigo.services.connection.events import Event
from django_plenigo.services.connection.stepping import Outcome

#: What a reader is told. One sentence for every mismatch: which detail it was would tell who is a customer.
FOR_READER: Mapping[Event, str | Promise] = {
    Event.CODE_SENT: gettext_lazy("We have sent you a code."),
    Event.CONNECTED: gettext_lazy("Your subscription is connected."),
    Event.ALREADY_REGISTERED: gettext_lazy("This subscription is already registered with an e-mail address."),
    Event.NO_MATCH: gettext_lazy(
        "These details do not match our records. Please compare them with your invoice, and try again."
    ),
    Event.INVALID: gettext_lazy("Some details cannot be accepted like this. Please check them, and try again."),
    Event.EMAIL_TAKEN: gettext_lazy(
        "Your e-mail address already belongs to another customer account. Please contact us: nothing was changed."
    ),
    Event.WRONG_CODE: gettext_lazy("This code is not right. Please enter the code of the latest message."),
    Event.TOO_MANY_TRIES: gettext_lazy("The code was wrong too often. Please start again."),
    Event.EXPIRED: gettext_lazy("The code has expired. Please start again."),
    Event.USED: gettext_lazy("This code was used already. Please start again, or contact us if you have just used it."),
    Event.OUT_OF_ORDER: gettext_lazy("This page is out of date, perhaps because of another tab. Please start again."),
    Event.OTHER_PROCESS: gettext_lazy("We could not go on from here. Please start again."),
    Event.OTHER_TAB: gettext_lazy(
        "You have started again in another tab. Please enter the code of the latest message: this page takes it now."
    ),
    Event.NOT_RESENT: gettext_lazy("No other code can be sent now. The one that you have still works."),
    Event.WAIT: gettext_lazy("Please wait a few seconds, and try again."),
    Event.LOCKED: gettext_lazy("Too many tries. Please try again at %(time)s, or contact us."),
    Event.NO_EMAIL: gettext_lazy("Please enter a valid e-mail address in your account first."),
    Event.EMAIL_UNVERIFIED: gettext_lazy("Please confirm your e-mail address in your account first, then try again."),
    Event.NOT_OFFERED: gettext_lazy("Subscriptions cannot be connected at the moment."),
    Event.LINKED_ALREADY: gettext_lazy(
        "Your account already has a subscription account of its own. Please contact us if you want another one: the "
        "two are not merged by themselves."
    ),
    Event.CUSTOMER_OF_ANOTHER: gettext_lazy(
        "This subscription already belongs to another reader's account on this site. Please contact us."
    ),
    Event.UNDONE: gettext_lazy(
        "Our support has separated this subscription from your account. Please contact us if it is yours."
    ),
    Event.OWNER_UNKNOWN: gettext_lazy(
        "Your subscription is registered now, but could not be connected to your account here. Please contact us."
    ),
    Event.NOT_SIGNED_IN: gettext_lazy("You are not logged in there any more. Please log in once more."),
    Event.CUSTOMER_BLOCKED: gettext_lazy(
        "This subscription is blocked at the moment, and cannot be connected. Please contact us."
    ),
    Event.UNAVAILABLE: gettext_lazy(
        "We cannot reach our subscription service right now. Please try again in a minute."
    ),
    Event.FAILED: gettext_lazy("Something went wrong on our side. Please contact us."),
}

#: What an agent is told, as the end of "The reader ...": in a list of connections, or as one step of it.
FOR_AGENT: Mapping[str, str | Promise] = {
    "": gettext_lazy("plenigo was being asked"),
    Event.CODE_SENT.value: gettext_lazy("a code was sent"),
    Event.CONNECTED.value: gettext_lazy("connected"),
    Event.ALREADY_REGISTERED.value: gettext_lazy("the customer has an e-mail address already: have the reader log in"),
    Event.NO_MATCH.value: gettext_lazy("the details match no customer"),
    Event.INVALID.value: gettext_lazy("plenigo did not accept a value"),
    Event.EMAIL_TAKEN.value: gettext_lazy("the e-mail address is another customer's at plenigo"),
    Event.WRONG_CODE.value: gettext_lazy("wrong code"),
    Event.TOO_MANY_TRIES.value: gettext_lazy("too many wrong codes"),
    Event.EXPIRED.value: gettext_lazy("the code was not entered in time"),
    Event.USED.value: gettext_lazy("the code was used already"),
    Event.OUT_OF_ORDER.value: gettext_lazy("the steps were out of order"),
    Event.OTHER_PROCESS.value: gettext_lazy("plenigo did not know the step"),
    Event.OTHER_TAB.value: gettext_lazy("the reader started again"),
    Event.NOT_RESENT.value: gettext_lazy("plenigo sent no other code"),
    Event.WAIT.value: gettext_lazy("plenigo asked for patience"),
    Event.LOCKED.value: gettext_lazy("locked after too many tries"),
    Event.EMAIL_UNVERIFIED.value: gettext_lazy("this site has not verified the reader's e-mail address"),
    Event.LINKED_ALREADY.value: gettext_lazy("the reader is another customer already: decide which one is right"),
    Event.CUSTOMER_OF_ANOTHER.value: gettext_lazy("the customer is another reader's: decide whose it is"),
    Event.UNDONE.value: gettext_lazy("the reader's connection to this customer was undone: allow it if it is hers"),
    records.BOUGHT: gettext_lazy("bought inside the checkout as this customer"),
    customers.ALLOWED_AGAIN: gettext_lazy("may be connected again"),
    Event.OWNER_UNKNOWN.value: gettext_lazy("connected at plenigo, but not here: the log says why"),
    Event.NOT_SIGNED_IN.value: gettext_lazy("plenigo knew no such session"),
    Event.CUSTOMER_BLOCKED.value: gettext_lazy("the customer is blocked at plenigo: its merchant backend says how"),
    Event.UNAVAILABLE.value: gettext_lazy("plenigo could not be reached"),
    Event.FAILED.value: gettext_lazy("plenigo answered something unexpected: the log has it"),
}


def sentence_of(outcome: Outcome) -> str:
    """Return what a reader is told."""
    text = str(FOR_READER[outcome.event])
    if outcome.event is Event.LOCKED and outcome.until is not None:
        # Rounded up: at the minute that is named it works.
        return text % {"time": time_format(timezone.localtime(outcome.until + timedelta(minutes=1)))}
    return text


def words_of(reason: str) -> str:
    """Return what an agent is told of the reason or outcome that is kept."""
    return str(FOR_AGENT.get(reason, reason))


def description_of_channel(channel: str) -> str:
    """Say where a code was sent to."""
    return _("by SMS to your mobile number") if channel == "SMS" else _("by e-mail to your address")


def sentence_of_field(outcome: Outcome) -> str:
    """Return what a reader is told at each of the fields that an outcome names."""
    return sentence_of(outcome) if outcome.event is Event.WRONG_CODE else _("This cannot be accepted.")
