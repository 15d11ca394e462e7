"""The steps of a connection as JSON, for front ends of their own. The same as the pages: `views.connecting`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from django_plenigo import conf
from django_plenigo.api.accounts import AccountView
from django_plenigo.api.views import HIDDEN, data_of, is_text, page_of
from django_plenigo.protocols.base import AccountConnector
from django_plenigo.services import connection, customers, sso
from django_plenigo.services.connection import Event, Outcome, State
from django_plenigo.throttles import ClickThrottle

#: The status of what came of a step. One for every mismatch, and 400 for what is not listed.
STATUS_OF: Mapping[Event, int] = {
    Event.CODE_SENT: status.HTTP_200_OK,
    Event.CONNECTED: status.HTTP_200_OK,
    **dict.fromkeys(
        (
            *(Event.ALREADY_REGISTERED, Event.EMAIL_TAKEN, Event.LINKED_ALREADY, Event.CUSTOMER_OF_ANOTHER),
            *(Event.UNDONE, Event.EMAIL_UNVERIFIED, Event.OWNER_UNKNOWN, Event.OUT_OF_ORDER, Event.OTHER_TAB),
            *(Event.OTHER_PROCESS, Event.NOT_RESENT, Event.NOT_OFFERED, Event.EXPIRED, Event.USED),
            *(Event.TOO_MANY_TRIES, Event.CUSTOMER_BLOCKED),
        ),
        status.HTTP_409_CONFLICT,
    ),
    **dict.fromkeys((Event.LOCKED, Event.WAIT), status.HTTP_429_TOO_MANY_REQUESTS),
    Event.UNAVAILABLE: status.HTTP_503_SERVICE_UNAVAILABLE,
    Event.FAILED: status.HTTP_502_BAD_GATEWAY,
}

#: What an exception comes to whose answer has such a status.
EVENT_OF: Mapping[int, Event] = {
    status.HTTP_429_TOO_MANY_REQUESTS: Event.WAIT,
    status.HTTP_502_BAD_GATEWAY: Event.FAILED,
    status.HTTP_503_SERVICE_UNAVAILABLE: Event.UNAVAILABLE,
}


class StepView(AccountView):
    """One step."""

    need = AccountConnector
    throttle_classes = [ClickThrottle]

    @property
    def process(self) -> connection.Process | None:
        """What the reader's session keeps."""
        return connection.kept_process(self.request.session, self.reader, using=self.using)

    def follow(self, outcome: Outcome) -> Response:
        """Keep what the outcome says, and answer with where the reader stands."""
        next_path = self.process.next_path if self.process else ""
        connection.keep_process(self.request.session, self.reader, outcome.process)
        body: dict[str, Any] = {"state": outcome.state.value, "event": outcome.event.value}
        body["detail"] = connection.sentence_of(outcome)
        body |= _json_of_process(outcome.process)
        if outcome.fields:
            body["fields"] = {name: [connection.sentence_of_field(outcome)] for name in outcome.fields}
        if outcome.until is not None:
            body["until"] = outcome.until.isoformat()
        if outcome.state is State.CONNECTED:
            body["next"] = next_path or "/"
        return Response(body, status=STATUS_OF.get(outcome.event, status.HTTP_400_BAD_REQUEST))

    def handle_exception(self, exc: Exception) -> Response:
        """Answer in the words of a step where none was made: what stood in the way, and where the reader still is."""
        response = super().handle_exception(exc)
        event = EVENT_OF.get(response.status_code)
        if event is None or self.reader is None:
            return response
        process = self.process
        state = connection.without_code(self.reader, using=self.using).state if process is None else State.CODE_SENT
        response.data |= {"state": state.value, "event": event.value, **_json_of_process(process)}
        seconds = getattr(exc, "wait", None)  # of DRF's `Throttled`
        if seconds is not None:
            response.data["until"] = (timezone.now() + timedelta(seconds=seconds)).isoformat()
        return response

    def out_of_order(self) -> Response:
        """Answer a reader whose session knows of no code: done in another tab, a customer already, or at the start."""
        return self.follow(connection.without_code(self.reader, using=self.using))


class ConnectionView(StepView):
    """What is asked for, and the first step."""

    def get(self, request: Request) -> Response:
        """Answer where the reader stands, and with `{"fields": [...]}` what the form must ask for."""
        settings = sso.read_settings(using=self.using).settings
        refusal = connection.check_offer(self.reader, settings, using=self.using)
        if refusal is not None:
            is_customer = refusal.event is Event.LINKED_ALREADY
            state = connection.without_code(self.reader, using=self.using).state if is_customer else refusal.state
            detail = connection.sentence_of(refusal)
            return Response({"state": state.value, "event": refusal.event.value, "detail": detail, "fields": []})
        process = self.process
        body: dict[str, Any] = {
            "state": (State.START if process is None else State.CODE_SENT).value,
            "email": customers.email_of(self.reader),
            "terms": settings.terms_text,
            "fields": [_json_of(bound) for bound in connection.ConnectionForm(settings)],
        }
        return Response(body | _json_of_process(process))

    @HIDDEN
    def post(self, request: Request) -> Response:
        """Have a code sent, for the values of the fields beside `{"account": alias, "page": path}`."""
        conf.check_session_store()
        data = data_of(request)
        settings = sso.read_settings(using=self.using).settings
        refusal = connection.check_offer(self.reader, settings, using=self.using)
        if refusal is not None:
            return self.follow(replace(refusal, process=self.process))
        form = connection.ConnectionForm(settings, data)
        if not form.is_valid():
            return _invalid(form, State.START)
        outcome = connection.start(
            self.reader,
            form.cleaned_data,
            settings=settings,
            client_address=self.traits.ip_address,
            earlier=self.process,
            next_path=page_of(data),
            using=self.using,
        )
        return self.follow(outcome)


class ConnectionCodeView(StepView):
    """The second step."""

    @HIDDEN
    def post(self, request: Request) -> Response:
        """Connect the reader by `{"code": text, "connection": number}`; the number is that of the first answer."""
        process = self.process
        if process is None:
            return self.out_of_order()
        form = connection.CodeForm(data_of(request))
        if not form.is_valid():
            return _invalid(form, State.CODE_SENT)
        code, shown_for = form.cleaned_data["code"], form.cleaned_data["connection"]
        return self.follow(connection.confirm(self.reader, process, code, shown_for=shown_for, traits=self.traits))


class ConnectionResendView(StepView):
    """Another code."""

    def post(self, request: Request) -> Response:
        """Have another code sent."""
        process = self.process
        if process is None:
            return self.out_of_order()
        settings = sso.read_settings(using=self.using).settings
        return self.follow(connection.resend(self.reader, process, settings=settings))


class SignInView(StepView):
    """A log-in at plenigo instead of a connection: of a customer who is registered there already."""

    @HIDDEN
    def post(self, request: Request) -> Response:
        """Link the reader by `{"customer_session": text}`, which plenigo's script has told on her log-in."""
        value = data_of(request).get("customer_session")
        if not isinstance(value, str) or not value or not is_text(value):
            raise ParseError("The session is missing.")
        address = self.traits.ip_address
        outcome = connection.sign_in(self.reader, value, client_address=address, using=self.using)
        if outcome.state is not State.CONNECTED:
            outcome = replace(outcome, process=self.process)  # a code that was sent before works on
        return self.follow(outcome)


def _invalid(form: forms.Form, state: State) -> Response:
    """Answer with what is wrong with each field."""
    fields = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
    body = {"state": state.value, "event": Event.INVALID.value, "fields": fields}
    body["detail"] = _("Please correct what is marked below.")
    return Response(body, status=status.HTTP_400_BAD_REQUEST)


def _json_of_process(process: connection.Process | None) -> dict[str, Any]:
    return {} if process is None else {"connection": process.connection, "channel": process.channel}


def _json_of(bound: forms.BoundField) -> dict[str, Any]:
    field, attributes = bound.field, bound.field.widget.attrs
    return {
        "name": bound.name,
        "label": str(bound.label),
        "help": str(bound.help_text),
        "is_required": field.required,
        "longest": getattr(field, "max_length", None),
        "is_secret": isinstance(field.widget, forms.PasswordInput),
        "autocomplete": attributes.get("autocomplete", ""),
        "inputmode": attributes.get("inputmode", ""),
    }
