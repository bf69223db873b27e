"""What `manage.py check` finds wrong with the way this Mystic is set up."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def reachable_by_others(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Look at what changes once the server listens to more than this machine."""
    if settings.ENV["HOST"] in LOOPBACK:
        return []
    found: list[checks.CheckMessage] = []
    if settings.DEBUG:
        found.append(
            checks.Error(
                f"Debug pages would be shown to everybody who reaches {settings.ENV['HOST']}.",
                hint="Set MYSTIC_DEBUG=false.",
                id="mystic.E001",
            )
        )
    if not settings.IS_HTTPS:
        found.append(
            checks.Warning(
                "Passwords and sessions travel unencrypted to another machine.",
                hint="Put a TLS proxy in front and set MYSTIC_BASE_URL=https://...",
                id="mystic.W001",
            )
        )
    if settings.ENV["MYSTIC_SIGNUP"]:
        found.append(
            checks.Warning(
                "Anybody who reaches the page may make an account.",
                hint="Set MYSTIC_SIGNUP=false once everybody who should has one.",
                id="mystic.W002",
            )
        )
    return found
