"""Runs the demo as its users start it, for tests that visit it over HTTP and for those that use a browser."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

ROOT = Path(__file__).resolve().parents[1]
MANAGE = ROOT / "example_project" / "manage.py"

#: How long the demo may take to start on a busy machine, in seconds.
START_SECONDS = 90

#: What the example's settings read; the machine's own values must not decide a test.
VARIABLES = re.compile(
    r"PLENIGO_.*|OKEPAY_.*|TWOCHECKOUT_.*|DJANGO_.*|.*_URL|DEBUG|SECRET_KEY|HTTPS|TRUSTED_PROXIES|.*_HOSTS|CSRF_.*"
)


def environment(database: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a process that keeps its data in a file."""
    kept = {name: value for name, value in os.environ.items() if not VARIABLES.fullmatch(name)}
    # Patience with the sandbox: these tests share their machine with others.
    fixed = {"DATABASE_URL": f"sqlite:///{database}", "PLENIGO_TIMEOUT_SECONDS": "60"}
    # But the generation of the API is what a run of the tests says, as for the tests' own site.
    fixed["PLENIGO_API"] = os.environ.get("PLENIGO_API", "v2")
    return kept | fixed | variables


@dataclass
class Demo:
    """A running demo."""

    url: str
    """Its address, with a trailing slash."""

    printed: str
    """What stood in the terminal once it served."""

    def reader(self) -> "Reader":
        """Return a new browser."""
        return Reader(self.url)


class Reader:
    """A browser without JavaScript."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()

    def get(self, path: str, **headers: str) -> requests.Response:
        """Open a page."""
        return self.session.get(urljoin(self.url, path), headers=headers, timeout=START_SECONDS)

    def submit(self, path: str, **fields: str) -> requests.Response:
        """Open a page and send its main form, with the values that the page put into it."""
        page = self.get(path).text
        main = page[page.index("<main") : page.index("</main>")]
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', main))
        return self.session.post(urljoin(self.url, path), data=hidden | fields, timeout=START_SECONDS)

    def log_in(self, email: str, password: str, next_path: str = "/account/") -> requests.Response:
        """Log in and return the page that follows."""
        return self.submit(f"/log-in/?next={next_path}", username=email, password=password)


def free_port() -> int:
    """Return a port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_demo(directory: Path, *options: str, **variables: str) -> Iterator[Demo]:
    """Start the demo on data that lie in a directory, and stop it afterwards; the variables are its environment's."""
    address = f"127.0.0.1:{free_port()}"
    output = directory / "output.txt"
    with output.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, str(MANAGE), "demo", address, *options],
            env=environment(directory / "newspaper.sqlite3", **variables),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(f"http://{address}/", process, output)
        yield Demo(f"http://{address}/", output.read_text())
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def wait_for(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    """Return once a page is there; fail with what was printed where that takes too long."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            requests.get(url, timeout=START_SECONDS).close()
        except requests.ConnectionError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"The demo does not serve:\n{output.read_text()}")
