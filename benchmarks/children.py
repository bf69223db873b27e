"""Work in a process of its own: ours in Mystic's environment, a peer in the peers'."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
SETTINGS_OF_A_PERSON = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")


class ChildError(Exception):
    """Raised with what the child said last."""


class Child:
    """A Python module that answers requests, one JSON object a line."""

    def __init__(
        self,
        module: str,
        *,
        python: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.module = module
        self.words = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115  closed with the child
        outer = {k: v for k, v in os.environ.items() if k not in SETTINGS_OF_A_PERSON}
        self.process = subprocess.Popen(
            [str(python or sys.executable), "-W", "ignore", "-m", module],
            cwd=ROOT,
            env={**outer, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.words,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(10)
            self.words.seek(0)
            raise ChildError(f"{self.module} ended:\n{self.words.read()[-3000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.words.close()


def answer(work: Callable[..., dict[str, Any]]) -> None:
    """Answer each line of the standard input until it ends; anything printed goes elsewhere."""
    real, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        real.write(json.dumps(work(**json.loads(line))) + "\n")
        real.flush()
