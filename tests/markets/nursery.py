"""Fork streaming processes and kill them, from a parent that has no thread and no connection.

Usage: python -m tests.markets.nursery KILLS SEED TOLD_FILE; prints a line per kill, then lets the
last child live until its standard input ends.
"""

import os
import random
import signal
import sys
import time


def child(told_path):
    from markets.events import BarsClosed
    from markets.streaming import Streamer
    from mystic.lib import bus

    told = os.open(told_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(event):
        lines = [f"{bar.instrument_id} {bar.open_time}\n" for bar in event.bars]
        os.write(told, "".join(lines).encode())

    bus.subscribe(BarsClosed, note)
    streamer = Streamer()
    signal.signal(signal.SIGTERM, lambda *_: streamer.stop())
    streamer.start()
    signal.pause()
    os._exit(0)


def spawn(told_path):
    number = os.fork()
    if number == 0:
        child(told_path)
    return number


def main():
    kills, seed, told_path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mystic.settings")
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0)
    connections.close_all()
    import markets.providers.binance.rest
    import markets.providers.binance.stream
    import markets.streaming  # noqa: F401  so that a child begins at once

    chance = random.Random(seed)  # noqa: S311  reproducible
    for kill in range(kills):
        number = spawn(told_path)
        print("born", flush=True)  # noqa: T201
        time.sleep(chance.uniform(0.1, 0.9) if kill else 2.0)  # noqa: TID251  the parent has nothing else to do
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
    number = spawn(told_path)
    print("last", flush=True)  # noqa: T201
    sys.stdin.read()
    os.kill(number, signal.SIGTERM)
    os.waitpid(number, 0)


if __name__ == "__main__":
    main()
