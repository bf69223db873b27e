"""A run that is spread over workers: each has its own Redis, none can reach outside unnoticed."""

import os
import subprocess
import sys

import pytest

from tests import ports, workers
from tests.loopback import only
from tests.product import ROOT

AWAY = "198.51.100.7"  # kept for documentation, as the probe is
NO_REDIS = "redis://127.0.0.1:1/3"
TESTS = f"""
import contextlib, os, socket, subprocess, sys
from pathlib import Path
import pytest

DIAL = "import socket; socket.create_connection(('{AWAY}', %d), timeout=2)"

@pytest.mark.parametrize("number", range(4))
def test_what_each_worker_has(number):
    mine = os.environ["PYTEST_XDIST_WORKER"], os.environ["REDIS_URL"], os.environ["{only.TRIED}"]
    Path(os.environ["SEEN"], str(number)).write_text(" ".join(mine))

def test_of_a_worker_itself():
    with contextlib.suppress(OSError):
        exec(DIAL % 81)

def test_of_its_child():
    subprocess.run([sys.executable, "-c", DIAL % 82], stderr=subprocess.DEVNULL)
"""


CONFTEST = """
import pytest
from tests.conftest import *

@pytest.fixture(autouse=True)
def nothing_remembered():
    pass
"""


def run_of_two(folder, body):
    """Run it as a person would; its Redis is named, and no test of it asks one."""
    file = folder / "test_inner.py"
    file.write_text(body)
    (folder / "conftest.py").write_text(CONFTEST)
    words = ["-q", "-n", "2", "-c", str(ROOT / "pyproject.toml")]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words, f"--rootdir={folder}", str(file)],
        cwd=ROOT,
        env={
            **workers.BEGAN_WITH,
            "REDIS_URL": "redis://127.0.0.1:1/3",
            "SEEN": str(folder / "seen"),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_run_fails_where_a_worker_or_its_child_wanted_to_leave_this_machine(tmp_path):
    (tmp_path / "seen").mkdir()
    done = run_of_two(tmp_path, TESTS)
    assert "6 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    told = [line for line in done.stderr.splitlines() if AWAY in line]
    assert [line.split(" during ")[1].split("::")[1] for line in sorted(told, key=by_test)] == [
        "test_of_a_worker_itself (call)",
        "test_of_its_child (call)",
    ]
    seen = [file.read_text().split() for file in (tmp_path / "seen").iterdir()]
    redis = {worker: url for worker, url, _ in seen}
    expected = {"gw0": "redis://127.0.0.1:1/3", "gw1": "redis://127.0.0.1:1/4"}
    assert redis == expected
    assert len({tried for _, _, tried in seen}) == 1
    assert seen[0][2] != os.environ[only.TRIED]


def by_test(line):
    return line.split(" during ")[1]


def test_workers_count_on_from_the_given_redis():
    assert workers.redis_of(0, "redis://:word@127.0.0.1:6379/5") == "redis://:word@127.0.0.1:6379/5"
    assert workers.redis_of(3, "redis://127.0.0.1:6379") == "redis://127.0.0.1:6379/3"
    with pytest.raises(pytest.UsageError, match="Redis database 16, the last is 15"):
        workers.redis_of(1, "redis://127.0.0.1:6379/15")


@pytest.mark.parametrize(
    ("kernels", "first", "last"),
    [
        ("32768\t60999\n", 20_000, 32_767),
        ("15000 40000", 40_001, 65_535),
        ("1024 65535", 20_000, 65_535),
    ],
)
def test_ports_for_servers_are_none_that_the_kernel_gives_away(kernels, first, last):
    found = ports.own_range(kernels)
    assert (found.start, found[-1]) == (first, last)


def test_no_port_is_given_twice():
    given = [ports.free_port() for _ in range(50)]
    assert len(set(given)) == 50
    again = "from tests import ports; print([p for p in %r if ports._is_claimed(p)])"
    done = subprocess.run(
        [sys.executable, "-c", again % given], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
