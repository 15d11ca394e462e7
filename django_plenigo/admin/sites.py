"""What an admin site has registered, and whom of it an agent may see."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.urls import reverse

from django_plenigo.models import CustomerLink, PortalAccount


def admin_of(admin_site: admin.AdminSite, model: Any) -> Any:
    """Return the model admin of an admin site, None where it has none."""
    return admin_site.get_model_admin(model) if admin_site.is_registered(model) else None


def may_see_link(request: HttpRequest, admin_site: admin.AdminSite, link: CustomerLink | None = None) -> bool:
    """Say whether an agent may see a link, or links at all; a site's own admin of links may say no to single ones."""
    link_admin = admin_of(admin_site, CustomerLink)
    if link_admin is None:
        return bool(request.user.has_perm("plenigo.view_customerlink"))
    return bool(link_admin.has_view_or_change_permission(request, link))


def address_of_link(request: HttpRequest, admin_site: admin.AdminSite, link: CustomerLink | None) -> str:
    """Return where a link's page is, "" where there is none for this agent."""
    if link is None or admin_of(admin_site, CustomerLink) is None or not may_see_link(request, admin_site, link):
        return ""
    name = f"{admin_site.name}:plenigo_customerlink_change"
    return reverse(name, args=[quote(link.pk)], current_app=admin_site.name)


def may_see_portals(request: HttpRequest, admin_site: admin.AdminSite, account: PortalAccount | None = None) -> bool:
    """Say whether an agent may see who a reader is at a portal."""
    account_admin = admin_of(admin_site, PortalAccount)
    if account_admin is None:
        return bool(request.user.has_perm("plenigo.view_portalaccount"))
    return bool(account_admin.has_view_or_change_permission(request, account))


def address_of_portal_account(request: HttpRequest, admin_site: admin.AdminSite, account: PortalAccount | None) -> str:
    """Return where the page of a portal account is, "" where there is none for this agent."""
    is_there = account is not None and admin_of(admin_site, PortalAccount) is not None
    if account is None or not is_there or not may_see_portals(request, admin_site, account):
        return ""
    name = f"{admin_site.name}:plenigo_portalaccount_change"
    return reverse(name, args=[quote(account.pk)], current_app=admin_site.name)
