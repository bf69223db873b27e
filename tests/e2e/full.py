"""The full shape on loopback: web, worker, beat and two streamers as processes of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import yaml

from tests.memory import forget
from tests.product import ROOT, free_port, until

STOP_WITHIN_S = 20.0  # all of them at once, on two cores that another test keeps busy


def composed(service: str, instead: dict[str, str] | None = None) -> list[str]:
    """Return the words of a service's command in docker-compose.yml, some of them replaced."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    program, *words = services[service]["command"]
    words = [(instead or {}).get(word, word) for word in words]
    return words if program == "python" else ["-m", program, *words]


class FullProduct:
    """Every process of the full shape on a database of its own, which is dropped at the end."""

    def __init__(self, folder: Path, venue: str, **settings: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.name = f"mystic_e2e_{os.getpid()}"
        self.admin_url = os.environ["DATABASE_URL"]
        self._admin(f"DROP DATABASE IF EXISTS {self.name}", f"CREATE DATABASE {self.name}")
        forget()
        parts = urlsplit(self.admin_url)
        self.database_url = urlunsplit(parts._replace(path=f"/{self.name}"))
        self.environment = {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "PORT": str(self.port),
            "MYSTIC_DATA_DIR": str(folder),
            "BINANCE_REST_URL": f"http://{venue}",
            "BINANCE_WS_URL": f"ws://{venue}",
            **settings,
        }
        self.commands = {
            "web": composed("web", {"8000": str(self.port), "0.0.0.0": "127.0.0.1"}),  # noqa: S104
            "worker": [*composed("worker"), "-c", "2"],
            "beat": composed("beat", {"/tmp/beat": str(folder / "beat")}),  # noqa: S108
            "stream-1": composed("stream"),
            "stream-2": composed("stream"),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def _admin(self, *statements: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def start(self) -> None:
        self._run(composed("migrate"), "prepare").wait(180)
        for part in self.commands:
            self.start_part(part)
        until("the first page", self.answers, 180)

    def start_part(self, part: str) -> None:
        self.processes[part] = self._run(self.commands[part], part)

    def _run(self, words: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/accounts/login/", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self, part: str) -> None:
        self.processes[part].send_signal(signal.SIGKILL)
        self.processes[part].wait(10)

    def stop(self) -> list[str]:
        """Ask all to end; return the parts that had to be killed because they did not."""
        late = []
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        end = time.monotonic() + STOP_WITHIN_S
        for part, process in self.processes.items():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                late.append(part)
        return late

    def drop(self) -> None:
        self._admin(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
