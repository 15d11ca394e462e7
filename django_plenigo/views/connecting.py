"""The pages by which a reader connects an imported subscription: details, code, done."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from django_plenigo import conf
from django_plenigo.errors import RemoteError
from django_plenigo.protocols.base import AccountConnector, SsoSettings
from django_plenigo.services import connection, customers, sso
from django_plenigo.services.connection import Event, Outcome, State
from django_plenigo.views.pages import may_click, next_of, page, reader_page, traits_of

FORM_PAGE, CODE_PAGE, END_PAGE = (f"plenigo/connection_{name}.html" for name in ("form", "code", "end"))

#: What no other details would change.
FOR_SUPPORT = (
    *(Event.CUSTOMER_OF_ANOTHER, Event.LINKED_ALREADY, Event.OWNER_UNKNOWN, Event.UNDONE),
    Event.CUSTOMER_BLOCKED,
)


def _too_many_clicks() -> str:
    return _("Too many tries. Please wait a minute and try again.")


@require_http_methods(["GET", "POST"])
@reader_page(AccountConnector)
def connect(request: HttpRequest, using: str) -> HttpResponse:
    """Ask for the details that the settings want, and have a code sent."""
    conf.check_session_store()
    settings = _settings(using)
    if settings is None:
        return _end(request, using, "unavailable", connection.FOR_READER[Event.UNAVAILABLE], status=503)
    refusal = connection.check_offer(request.user, settings, using=using)
    if refusal is not None:
        return _end(request, using, refusal.event.value, connection.sentence_of(refusal))
    if request.method == "GET":
        return _form_page(request, using, settings, connection.ConnectionForm(settings, initial=_names(request.user)))
    form = connection.ConnectionForm(settings, request.POST)
    if not may_click(request):
        return _form_page(request, using, settings, form, error=_too_many_clicks())
    if not form.is_valid():
        return _form_page(request, using, settings, form)
    outcome = connection.start(
        request.user,
        form.cleaned_data,
        settings=settings,
        client_address=traits_of(request, using).ip_address,
        earlier=connection.kept_process(request.session, request.user, using=using),
        next_path=next_of(request),
        using=using,
    )
    return _follow(request, using, outcome, settings, form)


@require_http_methods(["GET", "POST"])
@reader_page(AccountConnector)
def connect_code(request: HttpRequest, using: str) -> HttpResponse:
    """Ask for the code, and connect the reader."""
    process = connection.kept_process(request.session, request.user, using=using)
    if process is None:
        return _without_process(request, using)
    if request.method == "GET":
        return _code_page(request, using, process, connection.CodeForm())
    form = connection.CodeForm(request.POST)
    if not may_click(request):
        return _code_page(request, using, process, form, error=_too_many_clicks())
    if not form.is_valid():
        return _code_page(request, using, process, form)
    outcome = connection.confirm(
        request.user,
        process,
        form.cleaned_data["code"],
        shown_for=form.cleaned_data["connection"],
        traits=traits_of(request, using),
    )
    return _follow(request, using, outcome)


@require_POST
@reader_page(AccountConnector)
def resend_code(request: HttpRequest, using: str) -> HttpResponse:
    """Have another code sent."""
    process = connection.kept_process(request.session, request.user, using=using)
    settings = None if process is None else _settings(using)
    if process is None:
        return _without_process(request, using)
    if settings is None or not may_click(request):
        text = str(connection.FOR_READER[Event.UNAVAILABLE]) if settings is None else _too_many_clicks()
        return _code_page(request, using, process, connection.CodeForm(), error=text)
    return _follow(request, using, connection.resend(request.user, process, settings=settings))


@require_GET
@reader_page(AccountConnector)
def connect_done(request: HttpRequest, using: str) -> HttpResponse:
    """Say that the subscription is connected, where it is, and lead back."""
    outcome = connection.without_code(request.user, using=using)
    if outcome.event is Event.OUT_OF_ORDER:
        return HttpResponseRedirect(_address("connect", using))
    return _end(request, using, outcome.event.value, connection.sentence_of(outcome))


# ---- where a step leads


def _follow(
    request: HttpRequest,
    using: str,
    outcome: Outcome,
    settings: SsoSettings | None = None,
    form: Any = None,
) -> HttpResponse:
    """Keep what the outcome says, and show where the reader stands."""
    process = connection.kept_process(request.session, request.user, using=using)
    next_path = process.next_path if process else next_of(request)
    connection.keep_process(request.session, request.user, outcome.process)
    if outcome.state is State.CONNECTED:
        return HttpResponseRedirect(_address("connect-done", using, next_path))
    if outcome.state is State.ALREADY_REGISTERED:
        return _end(request, using, outcome.event.value, connection.sentence_of(outcome), next_path=next_path)
    if outcome.state is State.CODE_SENT and outcome.process is not None:
        if outcome.event is Event.CODE_SENT:
            return HttpResponseRedirect(_address("connect-code", using))
        form = connection.CodeForm()
        _mark(form, outcome)
        text = "" if form.errors else connection.sentence_of(outcome)  # not twice
        return _code_page(request, using, outcome.process, form, error=text)
    return _back_to_form(request, using, outcome, settings, form)


def _back_to_form(
    request: HttpRequest, using: str, outcome: Outcome, settings: SsoSettings | None, form: Any
) -> HttpResponse:
    if outcome.event in FOR_SUPPORT:
        return _end(request, using, outcome.event.value, connection.sentence_of(outcome))
    settings = settings or _settings(using)
    if settings is None:
        return _end(request, using, "unavailable", connection.sentence_of(outcome), status=503)
    form = form or connection.ConnectionForm(settings, initial=_names(request.user))
    _mark(form, outcome)
    return _form_page(request, using, settings, form, error=connection.sentence_of(outcome))


def _mark(form: Any, outcome: Outcome) -> None:
    """Say at its field what was refused."""
    if not form.is_bound:
        form.cleaned_data = {}  # a form that is shown blank has none, which `add_error` needs
    for name in outcome.fields:
        if name in form.fields:
            form.add_error(name, connection.sentence_of_field(outcome))


def _without_process(request: HttpRequest, using: str) -> HttpResponse:
    """Show where a reader stands whose session knows of no code: done in another tab, a customer, or at the start."""
    outcome = connection.without_code(request.user, using=using)
    if outcome.state is State.CONNECTED:
        return HttpResponseRedirect(_address("connect-done", using))
    return _follow(request, using, outcome)


# ---- pages


def _form_page(request: HttpRequest, using: str, settings: SsoSettings, form: Any, *, error: str = "") -> HttpResponse:
    has_code = connection.kept_process(request.session, request.user, using=using) is not None
    context = {
        "form": form,
        "error": error,
        "code_address": _address("connect-code", using) if has_code else "",
        "email": customers.email_of(request.user),
        "terms_text": settings.terms_text,
        "address": _address("connect", using),
        "next": next_of(request),
    }
    return page(request, FORM_PAGE, context)


def _code_page(
    request: HttpRequest, using: str, process: connection.Process, form: Any, *, error: str = ""
) -> HttpResponse:
    context = {
        "form": form,
        "error": error,
        "connection": process.connection,
        "channel": connection.description_of_channel(process.channel),
        "address": _address("connect-code", using),
        "resend_address": _address("connect-resend", using),
        "form_address": _address("connect", using, process.next_path),
    }
    return page(request, CODE_PAGE, context)


def _end(
    request: HttpRequest, using: str, state: str, text: Any, *, next_path: str = "", status: int = 200
) -> HttpResponse:
    context = {"state": state, "text": text, "next": next_path or next_of(request) or "/", "using": using}
    return page(request, END_PAGE, context, status=status)


def _address(name: str, using: str, next_path: str = "") -> str:
    account = {} if using == conf.DEFAULT_ACCOUNT else {"account": using}
    return reverse(f"plenigo:{name}", query=account | ({"next": next_path} if next_path else {}))


def _settings(using: str) -> SsoSettings | None:
    """Return the settings, None where nobody knows them."""
    try:
        return sso.read_settings(using=using).settings
    except RemoteError:
        return None


def _names(user: Any) -> dict[str, str]:
    return customers.profile_of(user, ("first_name", "last_name"))
