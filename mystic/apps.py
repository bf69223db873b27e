"""Attach the flow of events once Django has loaded every app."""

from django.apps import AppConfig


class MysticConfig(AppConfig):
    name = "mystic"
    label = "mystic"

    def ready(self) -> None:
        from django.conf import settings
        from django.core.checks import Tags, register

        from mystic import checks, wiring
        from mystic.celery import app
        from mystic.lib import ratelimit

        app.set_default()
        register(checks.reachable_by_others, Tags.security)
        ratelimit.share(redis_url=settings.REDIS_URL, egress=settings.ENV["MYSTIC_EGRESS"])
        wiring.connect()
