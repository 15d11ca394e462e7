"""Keeps secrets and addresses out of tracebacks."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def without_secrets(method: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let every error leave a method without the frames below it, without its arguments, and without its cause.

    Error pages and error trackers print the locals of every frame of a traceback, and these hold addresses, tokens and
    secrets. Class and message stay.
    """

    @functools.wraps(method)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        __traceback_hide__ = True  # Django's error page leaves such a frame out
        try:
            return method(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - that of a cache or of a mistake has the same frames below it
            caught = error.with_traceback(None)
        caught.__cause__ = caught.__context__ = None  # they have frames of their own
        del args, kwargs
        raise caught from None

    return call
