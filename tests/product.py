"""Start the real product as a person would, drive it over HTTP, kill it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests import prepared
from tests.closed import NOWHERE
from tests.ports import free_port as free_port  # noqa: PLC0414  its users find it here

ROOT = Path(__file__).resolve().parents[1]
TEST_DATA = Path(os.environ.get("MYSTIC_TEST_DATA", ROOT.parent / "shared" / "data"))
START_WITHIN_S = 120.0  # a busy machine is no fault of the product
PASSWORD = "a long enough phrase 7"


def until[T](what: str, ask: Callable[[], T], timeout_s: float = 30.0) -> T:
    """Return the first truthy answer; fail with the last one when the time is over."""
    end = time.monotonic() + timeout_s
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < end, f"waited {timeout_s} s for {what}; last answer: {answer!r}"
        time.sleep(0.05)  # noqa: TID251  polling a real process


class Product:
    """One `manage.py run` on loopback, on a data folder and a port of its own.

    In a test run its folder begins with a migrated database, unless `is_prepared` is false.
    """

    def __init__(
        self, folder: Path, venue: str = NOWHERE, *, is_prepared: bool = True, **settings: str
    ) -> None:
        self.folder = folder
        self.is_prepared = is_prepared
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "product.log"
        folder.mkdir(parents=True, exist_ok=True)
        outer = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        self.environment = {
            **outer,
            "PORT": str(self.port),
            "MYSTIC_DATA_DIR": str(folder),
            "BINANCE_REST_URL": f"http://{venue}",
            "BINANCE_WS_URL": f"ws://{venue}",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = START_WITHIN_S) -> float:
        """Start it and return the seconds until the first page."""
        if self.is_prepared:
            prepared.put(self.folder)
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until("the first page", self.answers, timeout_s)
        return time.monotonic() - began

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.url}/accounts/login/", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, how: int = signal.SIGTERM, timeout_s: float = 10.0) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


class Person:
    """Somebody at a browser without JavaScript: forms, cookies, CSRF."""

    def __init__(self, product: Product) -> None:
        self.http = httpx.Client(base_url=product.url, follow_redirects=True, timeout=20)

    def post(
        self, path: str, data: dict[str, Any], *, form_at: str | None = None
    ) -> httpx.Response:
        page = self.http.get(form_at or path)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        token = found.group(1) if found else self.http.cookies["csrftoken"]
        return self.http.post(
            path, data={**data, "csrfmiddlewaretoken": token}, headers={"Referer": str(page.url)}
        )

    def sign_in(self, name: str) -> None:
        self.post("/accounts/login/", {"login": name, "password": PASSWORD})

    def sign_up(self, name: str, email: str) -> None:
        answer = self.post(
            "/accounts/signup/",
            {"username": name, "email": email, "password1": PASSWORD},
        )
        assert answer.status_code == 200, answer.text[:2000]
        assert "sign out" in answer.text.lower(), answer.text[:2000]
