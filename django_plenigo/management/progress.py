"""Shows how far a command is: in one line that is written over on a terminal, in plain lines elsewhere."""

import time

from django.core.management.base import OutputWrapper
from django.utils.translation import gettext as _

#: How often it is told, where somebody looks and where nobody does.
TERMINAL_SECONDS = 0.5
PLAIN_SECONDS = 10.0

BAR_LENGTH = 30


class Progress:
    """Counts what is done, of a total that may grow, and shows it now and then."""

    def __init__(self, stdout: OutputWrapper, total: int, *, is_quiet: bool = False) -> None:
        self._stdout = stdout
        self._total = total
        self._is_quiet = is_quiet
        self._is_terminal = stdout.isatty()
        self._done = 0
        self._began = self._shown = time.monotonic()
        self._line_length = 0

    def advance(self, count: int = 1) -> None:
        """Count so many more."""
        self._done += count
        now = time.monotonic()
        if not self._is_quiet and now - self._shown >= (TERMINAL_SECONDS if self._is_terminal else PLAIN_SECONDS):
            self._shown = now
            self._show(self._done / max(now - self._began, 0.001))

    def erase(self) -> None:
        """Take the line off the terminal, where there is one, before something else is written."""
        if self._line_length:
            self._stdout.write("\r" + " " * self._line_length + "\r", ending="")
            self._stdout.flush()
            self._line_length = 0

    def _show(self, rate: float) -> None:
        total = max(self._total, self._done)
        text = _("%(done)d of %(total)d, %(rate).0f/s") % {"done": self._done, "total": total, "rate": rate}
        if not self._is_terminal:
            self._stdout.write(text)
            return
        filled = BAR_LENGTH * self._done // total
        line = f"[{'#' * filled}{'-' * (BAR_LENGTH - filled)}] {text}"
        self.erase()
        self._stdout.write(line, ending="")
        self._stdout.flush()
        self._line_length = len(line)
