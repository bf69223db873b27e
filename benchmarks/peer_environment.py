"""The peers' own environment: locked, hashed, apart from Mystic's."""

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent


def python(group: str = "") -> Path:
    """Return the peers' interpreter; install what is locked on first use and after a change.

    `group` names peers that do not go with the others: `backtest`.
    """
    suffix = f"-{group}" if group else ""
    requirements = HERE / f"requirements{suffix}.txt"
    folder = HERE / f".venv{suffix}"
    interpreter = folder / "bin" / "python"
    done = folder / ".installed"
    if not done.exists() or done.read_text() != requirements.read_text():
        print("installing the peers (once) ...", flush=True)
        venv.create(folder, clear=True, symlinks=True, with_pip=True)
        subprocess.run(
            [*installer(interpreter), "--require-hashes", "--no-deps", "-r", requirements],
            check=True,
        )
        done.write_text(requirements.read_text())
    return interpreter


def installer(interpreter: Path) -> list[str]:
    uv = Path(sys.executable).parent / "uv"
    if uv.exists():
        return [str(uv), "pip", "install", "-q", "--python", str(interpreter)]
    return [str(interpreter), "-m", "pip", "install", "-q"]
