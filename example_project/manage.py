#!/usr/bin/env python
"""Run Django's commands for the example newspaper, from any directory."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run the command that the command line names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # The package lies beside the example, so that a fresh checkout runs without an installation of it.
    for directory in (HERE.parent, HERE):
        if str(directory) not in sys.path:
            sys.path.insert(0, str(directory))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
