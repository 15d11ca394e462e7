"""What an agent can have done: each a page that asks, with a permission of its own and an entry in the history."""

import logging
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from django_plenigo import budget, conf
from django_plenigo.admin.forms import AccessIdsForm, ProductsForm
from django_plenigo.admin.pages import BUSY, ActionPage, in_one_transaction, locked
from django_plenigo.admin.words import age_of, log, name_of_change, name_of_link, point_in_time
from django_plenigo.errors import AccessImportError, InvalidValueError, PlenigoError
from django_plenigo.models import AccessId, CustomerLink, RemoteChange
from django_plenigo.services import access, access_ids, explanations, outbox, support

logger = logging.getLogger(__name__)


class ChangePage(ActionPage):
    """A page about changes."""

    def rows(self, request: HttpRequest) -> QuerySet[RemoteChange]:
        """Return the changes of the accounts that there are, with what their names need."""
        return super().rows(request).filter(account__in=conf.accounts()).select_related("link__user")

    def describe(self, row: RemoteChange) -> str:
        """Name the reader and the kind."""
        return name_of_change(row)


class TryAgain(ChangePage):
    """Have refused and postponed changes sent again."""

    name = "try_again"
    permission = "plenigo.send_remotechange"
    title = gettext_lazy("Try again")
    question = gettext_lazy(
        "plenigo is told these changes again in a moment, with the values that are true then. What was refused is "
        "refused again unless its cause has been mended."
    )
    button = gettext_lazy("Try again")
    most = 1000

    def act(self, rows: list[RemoteChange]) -> HttpResponse:
        """Make them due."""
        with in_one_transaction():
            # Looked at anew, and locked: a worker may have told plenigo meanwhile.
            chosen = locked(outbox.changes().filter(pk__in=[row.pk for row in rows]))
            out_of_step = [row for row in chosen if support.is_out_of_step(row)]
            count = outbox.try_again(outbox.changes().filter(pk__in=[row.pk for row in out_of_step]))
            log(self.request, out_of_step, _("Had it sent to plenigo again."))
        if not count:
            return self.leave(_("All of these are in step; there was nothing to send."), messages.WARNING, rows)
        text = ngettext("%(count)d change will be sent again.", "%(count)d changes will be sent again.", count)
        return self.leave(text % {"count": count}, messages.SUCCESS, rows)


class LeaveAsItIs(ChangePage):
    """Settle conflicts by leaving both sides as they are."""

    name = "leave_as_it_is"
    permission = "plenigo.leave_remotechange"
    title = gettext_lazy("Leave as it is")
    question = gettext_lazy(
        "Both sides keep what they have: plenigo is not told these changes, and nothing is changed here. They leave "
        "the list of conflicts, until there is another value here. Try again still sends them."
    )
    button = gettext_lazy("Leave as it is")

    def act(self, rows: list[RemoteChange]) -> HttpResponse:
        """Leave those that are refused still."""
        with in_one_transaction():
            # Looked at anew, and locked: another value may have been noted meanwhile.
            chosen = locked(outbox.changes().filter(pk__in=[row.pk for row in rows]))
            keys = {row.pk for row in chosen if row.is_refused}
            refused = [row for row in rows if row.pk in keys]
            count = support.leave(refused)
            log(self.request, refused, _("Left it as it is on both sides."))
        if not count:
            return self.leave(_("None of these is refused; there was nothing to settle."), messages.WARNING, rows)
        text = ngettext("%(count)d change is left as it is.", "%(count)d changes are left as they are.", count)
        return self.leave(text % {"count": count}, messages.SUCCESS, rows)


# Not atomic: the vendor is asked.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class AskForOwner(ChangePage):
    """Ask plenigo which customer has the address that it has refused."""

    name = "ask_for_owner"
    permission = "plenigo.check_customerlink"
    title = gettext_lazy("Ask plenigo whose it is")
    question = gettext_lazy("plenigo is asked now which customer has the e-mail address that it has refused.")
    button = gettext_lazy("Ask now")
    most = 1

    def act(self, rows: list[RemoteChange]) -> HttpResponse:
        """Ask, within the time that one page has, and say what the answer was."""
        (change,) = rows
        if not support.may_ask_for_owner(change):
            return self.leave(_("This cannot be asked of plenigo; nothing was done."), messages.WARNING, rows)
        # Before plenigo is asked, so that no look goes unnoticed.
        log(self.request, rows, _("Asked plenigo whose the e-mail address is."))
        try:
            with budget.within(conf.Account(change.account).timeout_seconds):
                customer_id = support.ask_for_owner(change)
        except PlenigoError as error:
            explanation = explanations.explain_now(error)
            return self.leave(f"{explanation.meaning} {explanation.remedy}", messages.WARNING, rows)
        if customer_id is None:
            return self.leave(_("At plenigo no customer has this address now: try again."), messages.INFO, rows)
        text = _("At plenigo this address belongs to customer %(customer_id)s.")
        return self.leave(text % {"customer_id": customer_id}, messages.INFO, rows)


class LinkPage(ActionPage):
    """A page about links."""

    #: What the panel calls it.
    panel_label: ClassVar[str | Promise]

    def rows(self, request: HttpRequest) -> QuerySet[CustomerLink]:
        """Return the links of the accounts that there are, with their users."""
        return super().rows(request).filter(account__in=conf.accounts()).select_related("user")

    def describe(self, row: CustomerLink) -> str:
        """Name the reader and the customer."""
        return name_of_link(row)


#: Of access ids of an account that tells plenigo none.
NOT_TOLD = gettext_lazy("They are kept on this site alone: plenigo is not told.")


class SendAgain(LinkPage):
    """Have plenigo told everything of a link anew."""

    name = "send_again"
    permission = "plenigo.send_remotechange"
    title = gettext_lazy("Send again to plenigo")
    panel_label = gettext_lazy("Send again")
    question = gettext_lazy(
        "plenigo is told the present e-mail address of these readers anew, and their access IDs where it is told any, "
        "also where it has acknowledged them before; who is not registered yet is registered. It overwrites what was "
        "changed at plenigo by hand."
    )
    button = gettext_lazy("Send again")
    most = 500

    def act(self, rows: list[CustomerLink]) -> HttpResponse:
        """Note everything of theirs."""
        with in_one_transaction():
            locked(outbox.changes().filter(link__in=[row.pk for row in rows]))
            count = support.send_again(rows)
            log(self.request, rows, _("Had everything sent to plenigo again."))
        text = ngettext(
            "In a moment plenigo will be told of %(count)d reader.",
            "In a moment plenigo will be told of %(count)d readers.",
            count,
        )
        return self.leave(text % {"count": count}, messages.SUCCESS, rows)


class ImportAccessIds(LinkPage):
    """Give customers access ids: all of those that are filled in, or none."""

    name = "import_access_ids"
    permission = "plenigo.import_accessid"
    title = gettext_lazy("Import access IDs")
    panel_label = title
    question = gettext_lazy(
        "By an access ID a customer is recognised who comes from another system. An empty field leaves that ID as it "
        "is."
    )
    button = gettext_lazy("Import")
    template_name = "admin/plenigo/import_access_ids.html"
    most = 25

    def rows(self, request: HttpRequest) -> QuerySet[CustomerLink]:
        """Return the links with their users and ids."""
        return super().rows(request).prefetch_related("access_ids")

    def details(self, rows: list[CustomerLink]) -> dict[str, Any]:
        """Return an empty form for each customer, and whether plenigo is told."""
        is_told = any(conf.Account(account).tells_access_ids for account in {row.account for row in rows})
        told = _("plenigo is told in a moment.") if is_told else NOT_TOLD
        return {"forms": [self._form(row) for row in rows], "question": f"{self.question} {told}"}

    def act(self, rows: list[CustomerLink]) -> HttpResponse:
        """Import what is filled in; where anything is wrong, show all of it again with what is wrong."""
        forms = [self._form(row, self.request.POST) for row in rows]
        filled = [form for form in forms if form.is_valid() and any(form.ids)]
        if not filled:
            return self.page(rows, forms=forms, error=_("Enter at least one access ID."))
        with in_one_transaction():
            count = sum([self._import(form) for form in filled])
            are_wrong = any(form.errors for form in forms)
            for database in {router.db_for_write(AccessId), router.db_for_write(LogEntry)}:
                transaction.set_rollback(are_wrong, using=database)
        if are_wrong:
            return self.page(rows, forms=forms, error=_("Nothing was imported. Please correct what is marked below."))
        if not count:
            return self.leave(_("These customers have these access IDs already."), messages.WARNING, rows)
        text = ngettext("%(count)d access ID was imported.", "%(count)d access IDs were imported.", count)
        return self.leave(text % {"count": count}, messages.SUCCESS, rows)

    def _form(self, link: CustomerLink, data: Any = None) -> Any:
        current = {access_id.slot: access_id.value for access_id in link.access_ids.all()}
        labels = conf.Account(link.account).access_id_labels
        form = AccessIdsForm(data, prefix=str(link.pk), labels=labels, current=current)
        form.link, form.heading = link, self.describe(link)  # type: ignore[attr-defined]  # for the template
        return form

    def _import(self, form: Any) -> int:
        """Import one customer's, and return how many are new; what is wrong is told at the field."""
        try:
            assigned = access_ids.import_access_ids(
                form.link, form.ids, imported_by=self.request.user, imported_from="admin"
            )
        except AccessImportError as error:
            form.add_error(f"slot_{error.slot}" if error.slot else None, capfirst(error.problem))
            return 0
        labels = [form.fields[f"slot_{slot}"].label for slot in assigned.changed_slots]
        if labels:
            log(self.request, [form.link], _("Imported access IDs: %(names)s.") % {"names": ", ".join(labels)})
        return len(labels)


# Not atomic: the vendor is asked.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class CheckAtPlenigo(LinkPage):
    """Ask plenigo whether customers may read products, whatever the cache holds."""

    name = "check"
    permission = "plenigo.check_customerlink"
    title = gettext_lazy("Check at plenigo")
    panel_label = gettext_lazy("Check now")
    question = gettext_lazy(
        "plenigo is asked now whether these customers have access. Once it has answered, what the readers’ pages have "
        "kept is cleared, so that they ask anew."
    )
    button = gettext_lazy("Check now")
    template_name = "admin/plenigo/check.html"
    most = 10

    def details(self, rows: list[CustomerLink]) -> dict[str, Any]:
        """Return the form, filled in with the products that the readers' pages have asked for."""
        known: dict[str, None] = {}
        for row in rows:
            kept = access.kept_answers(row.user, using=row.account)
            known |= dict.fromkeys(answer.product_id for answer in kept)
        return {"form": ProductsForm(initial={"product_ids": ", ".join(known)})}

    def act(self, rows: list[CustomerLink]) -> HttpResponse:
        """Ask, within the time that one page has, and show the answers."""
        form = ProductsForm(self.request.POST)
        if not form.is_valid():
            return self.page(rows, form=form)
        product_ids = form.cleaned_data["product_ids"]
        with budget.within(max(conf.Account(row.account).timeout_seconds for row in rows)):
            results = [self._ask(row, product_ids, form) for row in rows]
        if form.errors:
            return self.page(rows, form=form)
        return self.page(rows, form=form, results=results)

    def _ask(self, link: CustomerLink, product_ids: list[str], form: ProductsForm) -> dict[str, Any]:
        result: dict[str, Any] = {"name": self.describe(link), "answers": [], "explanation": None}
        kept = {each.product_id: age_of(each.asked_at) for each in access.kept_answers(link.user, using=link.account)}
        # Before plenigo is asked, so that no look goes unnoticed. Without products and answers: they say what is read.
        log(self.request, [link], _("Asked for access to be checked at plenigo."))
        try:
            told = access.ask_now(link, product_ids)
        except PlenigoError as wrong:
            result["explanation"] = explanations.explain_now(wrong)
            if isinstance(wrong, InvalidValueError) and wrong.field == "product_ids":
                form.add_error("product_ids", str(explanations.explain_error(wrong).meaning))
            return result
        result["explanation"] = told.error and explanations.explain_now(told.error)
        result["technical"] = str(told.error or "")
        result["is_known"] = told.is_known
        result["has_access"] = any(answer.access is access.Access.BOUGHT for answer in told.answers)
        result["answers"] = [
            {
                "answer": answer,
                "word": _word(answer.access),
                "kept": kept.get(answer.product_id),
                "until": answer.until and point_in_time(answer.until),
            }
            for answer in told.answers
        ]
        return result


def _word(answer: access.Access) -> str:
    words = {
        access.Access.BOUGHT: pgettext("access", "yes"),
        access.Access.NOT_BOUGHT: pgettext("access", "no"),
        access.Access.UNKNOWN: pgettext("access", "unknown"),
    }
    return words[answer]


# Not atomic: each user is registered in a transaction of her own.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class RegisterUsers(ActionPage):
    """Have users of the site registered with plenigo."""

    name = "register_with_plenigo"
    permission = "plenigo.register_customerlink"
    title = gettext_lazy("Register with plenigo")
    panel_label = title
    question = gettext_lazy(
        "plenigo makes customers of these users in a moment: it is told their e-mail addresses and names. Who is a "
        "customer already is left alone."
    )
    button = gettext_lazy("Register")
    template_name = "admin/plenigo/register.html"
    most = 100

    @property
    def using(self) -> str:
        """The account that was chosen."""
        chosen = self.request.POST.get("using") or self.request.GET.get("using") or ""
        return chosen if chosen in conf.accounts() else conf.DEFAULT_ACCOUNT

    def details(self, rows: list[Any]) -> dict[str, Any]:
        """Return what registering would come to."""
        plans = support.plan_registrations(rows, using=self.using)
        return {"accounts": conf.accounts(), "using": self.using, "outcomes": [_outcome(plan) for plan in plans]}

    def act(self, rows: list[Any]) -> HttpResponse:
        """Note the registrations, and show what came of each."""
        plans = self._request(rows)
        noted = [plan.user for plan in plans if plan.is_possible]
        if noted:
            text = ngettext(
                "%(count)d user will be registered with plenigo in a moment.",
                "%(count)d users will be registered with plenigo in a moment.",
                len(noted),
            )
            self.model_admin.message_user(self.request, text % {"count": len(noted)}, messages.SUCCESS)
        if len(noted) == len(rows):
            return self.go_back(rows)
        outcomes = [_outcome(plan, is_done=True) for plan in plans]
        outcomes += [_busy_outcome(user) for user in rows[len(plans) :]]
        return self.page(rows, outcomes=outcomes, is_done=True)

    def _request(self, users: list[Any]) -> list[support.Plan]:
        """Note the registrations, and return what came of each: of fewer where the database became busy meanwhile."""
        what = _("Requested the registration with plenigo (account %(name)s).") % {"name": self.using}
        plans: list[support.Plan] = []
        for user in users:
            try:
                with in_one_transaction():  # each by itself: no user's row is held while another's is waited for
                    plan = support.request_registration(user, using=self.using)
                    # On both: the panel shows the history of the link, and Django's own page that of the user.
                    log(self.request, [user, plan.noted] if plan.noted else [], what)
            except OperationalError as error:
                if not any(plan.is_possible for plan in plans):
                    raise
                logger.warning("Not all users could be registered (%s)", type(error).__name__)
                break  # the next would wait as long
            plans.append(plan)
        return plans


def _busy_outcome(user: Any) -> dict[str, Any]:
    return {"user": user, "text": BUSY, "remedy": "", "is_wrong": True}


def _outcome(plan: support.Plan, *, is_done: bool = False) -> dict[str, Any]:
    """Say in words what comes of a user."""
    if plan.error is not None:
        explanation = explanations.explain_now(plan.error)
        return {"user": plan.user, "text": explanation.meaning, "remedy": explanation.remedy, "is_wrong": True}
    if plan.link is not None:
        return {"user": plan.user, "text": _("is a customer already"), "remedy": "", "is_wrong": False}
    text = _("will be registered in a moment") if is_done else _("will be registered")
    return {"user": plan.user, "text": text, "remedy": "", "is_wrong": False}
