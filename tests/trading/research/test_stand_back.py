"""Processes of research come last: nice, bounded in memory, and ended where they hang."""

import os
import subprocess
import sys
import time

from tests import prepared

HANG = """
import ctypes, django
django.setup()
from mystic.lib.leases import LeaseKeeper, end_when_hung
end_when_hung(1.0)
with LeaseKeeper("nothing", renew=lambda: True, hand_back=lambda: None):
    ctypes.PyDLL(None).sleep(60)  # holds the interpreter: no thread of it runs meanwhile
"""
ENDS = """
import time, django
django.setup()
from mystic.lib.leases import LeaseKeeper, end_when_hung
end_when_hung(1.0)
with LeaseKeeper("nothing", renew=lambda: True, hand_back=lambda: None):
    pass
time.sleep(2.0)
print("whole")
"""
GREEDY = """
import os, django
django.setup()
from trading.management.commands.research_worker import stand_back
before = os.nice(0)
stand_back()
assert os.nice(0) == min(before + 10, 19)
import numpy
kept = []
try:
    for _ in range(64):
        kept.append(numpy.ones(2_000_000))
except MemoryError:
    kept.clear()
    print("refused")
"""


def run(code, **env):
    outer = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=prepared.ROOT,
        env=outer | {"DJANGO_SETTINGS_MODULE": "mystic.settings"} | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_process_that_never_gives_the_interpreter_back_is_ended():
    began = time.monotonic()
    done = run(HANG)
    assert done.returncode == 1
    assert "Timeout (0:00:01)!" in done.stderr
    assert time.monotonic() - began < 50


def test_a_process_without_work_in_hand_may_stand_still():
    done = run(ENDS)
    assert (done.returncode, done.stdout) == (0, "whole\n"), done.stderr


def test_a_process_gets_so_much_memory_and_no_more(tmp_path):
    kept = {"MYSTIC_DATA_DIR": str(tmp_path)}
    assert run(GREEDY, MYSTIC_RESEARCH_MEMORY_MB="600", **kept).stdout == "refused\n"
    whole = run(GREEDY, MYSTIC_RESEARCH_MEMORY_MB="0", **kept)
    assert (whole.returncode, whole.stdout) == (0, ""), whole.stderr
