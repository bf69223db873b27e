"""The recorded market and the outside services that the end-to-end tests share."""

import pytest

from tests.e2e.market import Venue, recorded_bars, write_bars
from tests.e2e.outside import Outside
from tests.notifications.telegram_server import TelegramServer

HISTORY, LIVE = 1900, 800


@pytest.fixture
def outside(tmp_path):
    with TelegramServer() as telegram:
        found = Outside(tmp_path, telegram)
        found.smtp.start()
        yield found
        found.smtp.stop()


@pytest.fixture
def bars():
    return recorded_bars(HISTORY + LIVE)


@pytest.fixture
def speed():
    """Bars of a minute for each second."""
    return 25


@pytest.fixture
def venue(tmp_path, bars, speed):
    path = write_bars(tmp_path / "bars.csv.gz", bars)
    running = Venue(
        tmp_path, path, "--symbol", "BTC/USDT", "--history", str(HISTORY), "--speed", str(speed)
    )
    yield running
    running.stop()
