"""Keeps secrets and addresses out of tracebacks."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django_plenigo.errors import PlenigoError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def without_secrets(method: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let the errors of this package leave a method without the frames below it, and without its arguments.

    Error pages and error trackers print the locals of every frame of a traceback, and these hold addresses, tokens and
    secrets.
    """

    @functools.wraps(method)
    def call(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        __traceback_hide__ = True  # Django's error page leaves such a frame out
        try:
            return method(*args, **kwargs)
        except PlenigoError as error:
            caught = error.with_traceback(None)
        del args, kwargs
        raise caught from None

    return call
