"""Read every setting from the environment, refuse a wrong one with the fix in the sentence.

`SETTINGS` is the only list of what can be set; `docs/settings.md` is compared with it by a test.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mystic.env_readers import Setting
from mystic.env_sources import SOURCE_SETTINGS
from mystic.env_table import CORE_SETTINGS, TEN_PAIRS

__all__ = ["SETTINGS", "TEN_PAIRS", "SettingsError", "dotenv", "environment", "load"]


class SettingsError(Exception):
    """Raised at the start with every wrong setting at once, a line each."""


SETTINGS = (*CORE_SETTINGS, *SOURCE_SETTINGS)

# Read by the test runs only; they are documented in CONTRIBUTING.md.
TEST_NAMES = {"MYSTIC_TEST_DATA"}


def _raw(setting: Setting, environ: Mapping[str, str]) -> str:
    """Return a setting's text, from `NAME`, or for a secret from the file `NAME_FILE` names."""
    if setting.is_secret and environ.get(f"{setting.name}_FILE"):
        return Path(environ[f"{setting.name}_FILE"]).read_text().strip()
    return environ.get(setting.name, setting.default).strip() or setting.default


def _unknown_names(environ: Mapping[str, str]) -> list[str]:
    known = {s.name for s in SETTINGS} | {f"{s.name}_FILE" for s in SETTINGS if s.is_secret}
    faults = []
    for name in sorted(environ):
        if name.startswith("MYSTIC_") and name not in known | TEST_NAMES:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "see docs/settings.md for the names"
            faults.append(f"{name} is not a setting of Mystic; {hint}")
    return faults


def load(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return every setting read and checked.

    Raises
    ------
    SettingsError
        With one line for each wrong value or unknown `MYSTIC_` name; secrets are masked.
    """
    values: dict[str, Any] = {}
    faults = _unknown_names(environ)
    for setting in SETTINGS:
        try:
            raw = _raw(setting, environ)
            values[setting.name] = setting.read(raw)
        except OSError as fault:
            faults.append(f"{setting.name}_FILE cannot be read: {fault.strerror}")
        except ValueError as fault:
            shown = "the given value" if setting.is_secret else repr(raw[:60])
            faults.append(f"{setting.name}={shown} {fault}; the default is {setting.default!r}")
    if faults:
        raise SettingsError("\n".join(faults))
    return values


def dotenv(path: Path) -> dict[str, str]:
    """Return the assignments of a `.env` file; the real environment wins over it."""
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        name, sign, value = line.strip().partition("=")
        if sign and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("'\"")
    return found


def environment(root: Path) -> dict[str, Any]:
    return load({**dotenv(root / ".env"), **os.environ})
