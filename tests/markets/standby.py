"""One streaming process that says what it does: `python -m tests.markets.standby TOLD_FILE`.

Prints `standby` while another one is active and `active` when it streams itself; appends a line to
the file for each bar that it tells; ends when its standard input does.
"""

import os
import sys
import threading


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mystic.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from markets.events import BarsClosed
    from markets.streaming import Streamer
    from mystic.lib import bus

    told = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(event):
        lines = [f"{bar.instrument_id} {bar.open_time}\n" for bar in event.bars]
        os.write(told, "".join(lines).encode())

    bus.subscribe(BarsClosed, note)
    said = [""]

    def say(word):
        if word != said[-1]:
            said.append(word)
            print(word, flush=True)  # noqa: T201

    streamer = Streamer(lambda text: say("standby") if text.startswith("standby") else None)
    streamer.start()
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    while not over.wait(0.05):
        if streamer.is_active:
            say("active")
    streamer.stop()


if __name__ == "__main__":
    main()
