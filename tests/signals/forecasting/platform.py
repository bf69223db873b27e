"""A small platform process that begins trainings; `test_child` looks at what is left of them."""

import os
import sys
import threading
import time

import django

django.setup()

from django.db import connection  # noqa: E402

from markets.models import Instrument, Venue  # noqa: E402
from mystic.lib import bus, children  # noqa: E402
from signals.events import ModelTrained, TrainingWanted  # noqa: E402
from signals.models import ForecastModel  # noqa: E402
from signals.services import training_child  # noqa: E402
from signals.services.training import model_train  # noqa: E402
from tests.signals.app.conftest import store  # noqa: E402
from tests.signals.forecasting.shelved import TEXTS, stroll  # noqa: E402

SMALL = {"trees": {"rounds": 8, "quantile_rounds": 4, "depth": 3}, "walk": {"windows": 2}}
LARGE = {"trees": {"rounds": 20_000}, "walk": {"windows": 40}}


def ask(name, options):
    return model_train(
        name=name, asset_class="crypto", timeframe="1m", horizon=4, features=TEXTS, options=options
    )


def until(what):
    end = time.monotonic() + 120
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)  # noqa: TID251  waiting for another process


def state(model):
    model.refresh_from_db()
    return model.state


def main():
    venue = Venue.objects.create(code="replay:binance", name="Replay", is_replay=True)
    btc = Instrument.objects.create(
        venue=venue,
        symbol="BTC/USDT",
        native_id="BTCUSDT",
        base="BTC",
        quote="USDT",
        is_watched=True,
    )
    store(btc, stroll(1800))
    heard = threading.Event()
    bus._handlers[TrainingWanted] = []
    bus.subscribe(ModelTrained, lambda event: heard.set())
    begun = []
    popen = children.subprocess.Popen

    def remembered(*args, **options):
        begun.append(popen(*args, **options))
        return begun[-1]

    children.subprocess.Popen = remembered
    first = ask("first", SMALL)
    assert training_child.training_begin(first.pk)
    assert heard.wait(120)
    assert state(first) == "ready", first.error
    killed = ask("killed", LARGE)
    assert training_child.training_begin(killed.pk)
    until(lambda: state(killed) == "training" and killed.stage != "begins")
    begun[-1].kill()
    until(lambda: state(killed) == "waiting")
    left = ask("left", LARGE)
    assert not training_child.training_begin(first.pk)
    assert training_child.training_begin(left.pk)
    until(lambda: state(left) == "training" and left.stage != "begins")
    sys.stdout.write(f"{begun[-1].pid}\n")
    sys.stdout.flush()
    connection.close()
    os._exit(0)


if __name__ == "__main__":
    assert ForecastModel.objects.count() == 0
    main()
