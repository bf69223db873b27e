"""The ASGI application: HTTP to Django, WebSockets to the consumers."""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mystic.settings")

# Each request has a thread of its own, so a connection kept for the next one is never used again.
settings.DATABASES["default"]["CONN_MAX_AGE"] = 0

http = get_asgi_application()  # first: it loads the apps that the imports below need

from django.urls import re_path  # noqa: E402

from markets import consumers as markets  # noqa: E402
from mystic.lib.live import hub  # noqa: E402
from mystic.lib.live_socket import LiveConsumer, UnknownAddress  # noqa: E402
from mystic.socket_login import SocketLogin  # noqa: E402
from notifications import consumers as notifications  # noqa: E402
from signals import consumers as signals  # noqa: E402
from trading import consumers as trading  # noqa: E402

CHANNELS = (
    *markets.CHANNELS,
    *signals.CHANNELS,
    *trading.CHANNELS,
    *notifications.CHANNELS,
)


def _socket(*opening: str, is_public: bool = True) -> Any:
    return LiveConsumer.as_asgi(channels=CHANNELS, opening=opening, is_public=is_public)


websocket_urlpatterns = [
    re_path(r"^ws/?$", _socket()),
    re_path(r"^ws/feed/?$", _socket("system")),
    re_path(r"^ws/trading/?$", _socket("portfolio", is_public=False)),
    re_path(r"^ws/ai/?$", _socket("signals", is_public=False)),
    re_path(r"^ws/signals/?$", _socket("signals", is_public=False)),
    re_path(r"^ws/market/(?P<symbol>[^/]{1,40}(/[^/]{1,40})?)/?$", _socket("market_data", "bar")),
    re_path(r"", UnknownAddress.as_asgi()),
]

application = ProtocolTypeRouter(
    {"http": http, "websocket": SocketLogin(URLRouter(websocket_urlpatterns))}
)
# With Redis, this process knows the newest values before its first socket opens.
hub.listen()
