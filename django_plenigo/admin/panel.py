"""The panel that says how a user stands with plenigo, on the user's own page and on the link's."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from django_plenigo.admin.actions import CheckAtPlenigo, ImportAccessIds, RegisterUsers, SendAgain, TryAgain
from django_plenigo.admin.sites import (
    address_of_link,
    address_of_portal_account,
    admin_of,
    may_see_link,
    may_see_portals,
)
from django_plenigo.admin.words import age_of, binding_in_words, handover_in_words, history_of, progress_of
from django_plenigo.models import CustomerLink, RemoteChange
from django_plenigo.services import access, portals, support
from django_plenigo.services.explanations import explain

TITLE = _("plenigo")

#: What a page with a panel loads.
PANEL_MEDIA = forms.Media(css={"all": ["plenigo/admin.css"]}, js=["plenigo/copy.js"])


def panel_fieldset(request: HttpRequest, admin_site: admin.AdminSite, views: Any, user_admin: Any = None) -> Any:
    """Return a fieldset that holds nothing but the panel, so that it stands in a site's own templates too.

    `views` returns what there is to say, and is called once, when the page is rendered.
    """
    html = SimpleLazyObject(lambda: panel_html(request, admin_site, views(), user_admin))
    return (TITLE, {"fields": [], "classes": ["plenigo"], "description": html})


def panel_html(
    request: HttpRequest, admin_site: admin.AdminSite, views: Sequence[support.CustomerView], user_admin: Any = None
) -> str:
    """Return the panels of several accounts, without those of links that this agent may not see, and the portals."""
    shown = [view for view in views if view.link is None or may_see_link(request, admin_site, view.link)]
    panels = [_panel(request, admin_site, view, user_admin) for view in shown]
    user = next((view.user for view in views), None)
    context = {
        "panels": panels,
        "has_several": len(panels) > 1,
        "portals": _portals(request, admin_site, user) if user is not None else [],
    }
    return render_to_string("admin/plenigo/panel.html", context, request)


def _portals(request: HttpRequest, admin_site: admin.AdminSite, user: Any) -> list[Any]:
    """Return how the user stands at each portal, as far as this agent may see it."""
    if not may_see_portals(request, admin_site):
        return []
    return [
        {
            "view": view,
            "account": view.account,
            "binding": binding_in_words(view.account),
            "last_click": handover_in_words(view.last_handover),
            "address": address_of_portal_account(request, admin_site, view.account),
        }
        for view in portals.views_of_user(user)
        if view.account is None or may_see_portals(request, admin_site, view.account)
    ]


def _panel(request: HttpRequest, admin_site: admin.AdminSite, view: support.CustomerView, user_admin: Any) -> Any:
    return {
        "view": view,
        "pause": view.pause and explain(view.pause.last_error_type, view.pause.last_error),
        "changes": [_change(request, admin_site, view, change) for change in view.changes],
        "kept_answers": _kept_answers(view),
        "synced": age_of(view.link.confirmed_at) if view.link and view.link.confirmed_at else "",
        "history": history_of(view.link) if view.link else [],
        "actions": _actions(request, admin_site, view, user_admin),
        "link_address": address_of_link(request, admin_site, view.link) if user_admin else "",
    }


def _kept_answers(view: support.CustomerView) -> list[Any]:
    kept = access.kept_answers(view.user, using=view.account) if view.is_configured else []
    return [(answer, age_of(answer.asked_at)) for answer in kept]


def _change(request: HttpRequest, admin_site: admin.AdminSite, view: support.CustomerView, change: RemoteChange) -> Any:
    change_admin = admin_of(admin_site, RemoteChange)
    may_send = view.is_configured and change_admin is not None and TryAgain.is_allowed(request, change_admin, change)
    other = view.others.get(change.pk)
    return {
        "kind": change.get_kind_display(),
        "progress": progress_of(change),
        "error": explain(change.last_error_type, change.last_error) if change.last_error else None,
        "technical": change.last_error,
        "is_refused": change.is_refused,
        "other": other if other and may_see_link(request, admin_site, other) else None,
        "other_address": address_of_link(request, admin_site, other),
        "try_again": TryAgain.address(change_admin, change, request.path) if may_send else "",
    }


def _actions(request: HttpRequest, admin_site: admin.AdminSite, view: support.CustomerView, user_admin: Any) -> Any:
    """Return the labels and addresses of what this agent may do."""
    link_admin = admin_of(admin_site, CustomerLink)
    actions = []
    if view.link is not None and view.is_configured and link_admin is not None:
        pages: list[Any] = [CheckAtPlenigo, ImportAccessIds] if view.link.is_registered else []
        actions = [
            (page.panel_label, page.address(link_admin, view.link, request.path))
            for page in [*pages, SendAgain]
            if page.is_allowed(request, link_admin, view.link)
        ]
    is_unknown = view.link is None or view.state is support.LinkState.NOT_LINKED
    may_register = user_admin is not None and RegisterUsers.is_allowed(request, user_admin, view.user)
    if is_unknown and view.is_configured and may_register:
        address = RegisterUsers.address(user_admin, view.user, request.path)
        actions.append((RegisterUsers.panel_label, f"{address}&using={view.account}"))
    return actions
