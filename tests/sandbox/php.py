"""Scripts that PHP runs, as a publisher's own would: they call the sandbox over a socket."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

PATIENCE_SECONDS = 60


def php_or_skip() -> None:
    """Skip the test where there is no PHP with cURL; fail where services are required."""
    has_curl = ["php", "-r", 'exit(extension_loaded("curl") ? 0 : 1);']
    if shutil.which("php") is None:
        sentence = "There is no php: install PHP's command line (Debian: php-cli) and its cURL (php-curl)."
    elif subprocess.run(has_curl, check=False, timeout=PATIENCE_SECONDS).returncode:
        sentence = "PHP here has no cURL: install it (Debian: php-curl)."
    else:
        return
    pytest.fail(sentence) if settings.SERVICES_REQUIRED else pytest.skip(sentence)


def run_php(script: Path, *arguments: str, **environment: str) -> Any:
    """Return what a script has printed as JSON. It must end well, and PHP must have nothing to complain of.

    Nothing of this process's environment gets there besides the path: no proxy, and no other's settings.
    """
    command = ["php", "-d", "error_reporting=-1", "-d", "display_errors=stderr", str(script), *arguments]
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)
