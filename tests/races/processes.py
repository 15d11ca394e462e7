"""Processes of a site or of the vendor, which race against each other."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def python(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    # Nor is a process's output unbuffered, which no service of a machine's is.
    own = ("PYTEST_", "COV_", "PYTHONUNBUFFERED")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "tests.races.settings", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, **environment: str) -> str:
    process = python(*arguments, **environment)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    return out
