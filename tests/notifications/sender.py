"""A process that sends what is due until it is killed; started by `test_kill.py`.

It loads Django once and then forks a sender for each line it reads, so that killing one costs
milliseconds. It answers each line with the process id of the new sender.
"""

import os
import signal
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "mystic.settings"


def main(database):
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    from django.db import connections

    from notifications.services import deliveries_send
    from notifications.transports import telegram

    telegram._client()

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        connections.close_all()
        pid = os.fork()
        if pid == 0:
            while True:
                deliveries_send(limit=3)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
