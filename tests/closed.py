"""The environment of a test run and of its children: every outside source off, no key."""

import os
from pathlib import Path
from typing import Any

from mystic.env import SETTINGS
from mystic.env_sources import HTTP, SOURCE_SETTINGS, WS
from tests import workers
from tests.loopback import only

NOWHERE = "127.0.0.1:9"  # the discard port: nothing answers
NOT_OUTSIDE = {"DATABASE_URL", "REDIS_URL", "MYSTIC_SECRET_KEY"}
# With both addresses of the first venue on loopback every live source is off by design too.
FIRST_VENUE = {"BINANCE_REST_URL": f"http://{NOWHERE}", "BINANCE_WS_URL": f"ws://{NOWHERE}"}
ADDRESSES = [one.name for one in SOURCE_SETTINGS if one.read in (HTTP, WS)]
FRESH_MS = 30_000
SECRETS = [one.name for one in SETTINGS if one.is_secret and one.name not in NOT_OUTSIDE]
CLOSED = {
    **dict.fromkeys(ADDRESSES, "off"),
    **dict.fromkeys(SECRETS, ""),
    **FIRST_VENUE,
    "MYSTIC_NEWS": "off",
    "CCXT_EXCHANGE": "",
    "IBKR_HOST": "",
    "EMAIL_HOST": "",
}


# Tests of these two name the address that they mean; the hook below the sockets guards the rest.
NAMED_BY_TESTS = {"BINANCE_REST_URL", "BINANCE_WS_URL", "COINBASE_REST_URL", "COINBASE_WS_URL"}
NAMED_BY_TESTS |= {"ALPACA_API_URL"}


def close_settings(env: dict[str, Any]) -> None:
    """Switch the sources off in the settings that this process has read already, and have time."""
    env |= dict.fromkeys(set(ADDRESSES) - NAMED_BY_TESTS, "")
    env |= dict.fromkeys(SECRETS, "")
    env |= {"MYSTIC_NEWS": "off", "CCXT_EXCHANGE": "", "IBKR_HOST": ""}
    # On a busy machine a test may need more than three seconds from its quote to its order.
    env |= {"MYSTIC_MAX_QUOTE_AGE_MS": FRESH_MS}


def close_environment() -> Path:
    """Let every child of this process inherit `CLOSED`; return the file of what it tried."""
    for name in SECRETS:
        os.environ.pop(f"{name}_FILE", None)
    # What the first child compiles, the next hundred read: else each start costs seconds more.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    tried = workers.kept() / "tried"
    tried.touch()
    folder = str(Path(only.__file__).parent)
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ.update(CLOSED)
    os.environ[only.TRIED] = str(tried)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [folder, *(path for path in before if path not in {folder, ""})]
    )
    return tried
