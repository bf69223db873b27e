"""An analysis in a process of its own, as a worker begins it."""

import os
import subprocess
import sys

import pytest

from tests import prepared


@pytest.mark.slow
def test_a_process_of_its_own_makes_it(tmp_path):
    folder = tmp_path / "data"
    prepared.put(folder)
    outer = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    done = subprocess.run(
        [sys.executable, "-m", "tests.signals.analyses.platform"],
        cwd=prepared.ROOT,
        env=outer | {"MYSTIC_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "mystic.settings"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "made: ready clean",
        "beside it: waiting",
        "hangs: failed It took longer than 3 s and was ended. Ask for fewer bars.",
    ]
