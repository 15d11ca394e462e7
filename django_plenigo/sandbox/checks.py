"""System checks of the sandbox."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from . import conf


@register(Tags.security)
def check_sandbox(**kwargs: Any) -> list[CheckMessage]:
    """Find a sandbox that is installed where it is shut, and settings that it does not know."""
    return [*_check_options(), *_check_shut()]


def _check_shut() -> list[CheckMessage]:
    if conf.is_open():
        return []
    return [
        Error(
            "The plenigo sandbox is installed while DEBUG is off, so it answers 503.",
            hint="Take 'django_plenigo.sandbox' out of INSTALLED_APPS on a site that serves the public, or write "
            "PLENIGO_SANDBOX = {'ALLOW_WITHOUT_DEBUG': True} if this is a demo or a test.",
            id="plenigo_sandbox.E001",
        )
    ]


def _check_options() -> list[CheckMessage]:
    options = conf.raw()
    known = ", ".join(sorted(conf.OPTIONS))
    if not isinstance(options, dict):
        return [Error("PLENIGO_SANDBOX must be a dict.", hint=f"Keys: {known}.", id="plenigo_sandbox.E002")]
    found: list[CheckMessage] = [
        Error(
            f"PLENIGO_SANDBOX has the unknown key {name!r}.",
            hint=f"It is ignored. Keys: {known}.",
            id="plenigo_sandbox.E002",
        )
        for name in options
        if name not in conf.OPTIONS
    ]
    if not isinstance(options.get("ALLOW_WITHOUT_DEBUG", False), bool):
        found.append(
            Error(
                "PLENIGO_SANDBOX['ALLOW_WITHOUT_DEBUG'] must be True or False.",
                hint="A text counts as no, also the text 'True'.",
                id="plenigo_sandbox.E003",
            )
        )
    return found
