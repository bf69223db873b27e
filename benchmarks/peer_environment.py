"""The peers' own environment: locked, hashed, apart from Mystic's."""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".venv"
PYTHON = FOLDER / "bin" / "python"
REQUIREMENTS = HERE / "requirements.txt"


def python() -> Path:
    """Return the peers' interpreter; install what is locked on first use and after a change."""
    done = FOLDER / ".installed"
    if not done.exists() or done.read_text() != REQUIREMENTS.read_text():
        print("installing the peers (once) ...", flush=True)
        venv.create(FOLDER, clear=True, symlinks=True, with_pip=True)
        subprocess.run(
            [*installer(), "--require-hashes", "--no-deps", "-r", REQUIREMENTS], check=True
        )
        done.write_text(REQUIREMENTS.read_text())
    return PYTHON


def installer() -> list[str]:
    uv = Path(sys.executable).parent / "uv"
    if uv.exists():
        return [str(uv), "pip", "install", "-q", "--python", str(PYTHON)]
    return [str(PYTHON), "-m", "pip", "install", "-q"]
