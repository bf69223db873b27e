"""Figures for Prometheus, written in its text format (version 0.0.4); read at the moment asked."""

import re
import resource
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from markets import selectors
from markets.hits import KINDS, hits
from markets.models import SourceState
from markets.quotes import store
from mystic.lib import live_rooms
from mystic.lib.live import hub
from mystic.lib.live_client import counts
from notifications.selectors import outbox
from signals.selectors import evaluation_state, pairs_paused
from trading.models import Order

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NAME = re.compile(r"[^a-zA-Z0-9_]")

type Labels = Mapping[str, str]
type Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its samples by their labels."""

    name: str
    kind: str
    about: str
    samples: tuple[Sample, ...]


def text_of(families: Iterable[Family]) -> str:
    """Return the families in the text format; one without samples is left out."""
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        lines.append(f"# HELP {family.name} {family.about}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += [f"{family.name}{_labels(labels)} {_number(n)}" for labels, n in family.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = (f'{_NAME.sub("_", name)}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(float(value))


def one(name: str, kind: str, about: str, value: float | None) -> Family:
    samples: tuple[Sample, ...] = () if value is None else (({}, float(value)),)
    return Family(f"mystic_{name}", kind, about, samples)


def figures(name: str, about: str, told: Mapping[str, object]) -> Family:
    """Return the numbers among what a part says about itself, by their names."""
    samples: tuple[Sample, ...] = tuple(
        ({"figure": key}, float(value))
        for key, value in told.items()
        if isinstance(value, int | float)
    )
    return Family(f"mystic_{name}", "gauge", about, samples)


def platform_families() -> list[Family]:
    """Return the figures of this process and of the work that waits."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    number = str(settings.SPECTACULAR_SETTINGS["VERSION"])
    version = {"version": number, "database": connection.vendor}
    working = Order.objects.filter(status__in=Order.WORKING).count()
    return [
        Family("mystic_info", "gauge", "What runs here.", ((version, 1.0),)),
        one("cpu_seconds_total", "counter", "CPU time.", usage.ru_utime + usage.ru_stime),
        one("resident_bytes", "gauge", "Resident memory.", _resident_bytes()),
        one("threads", "gauge", "Threads.", threading.active_count()),
        one("sockets", "gauge", "Open WebSockets.", len(live_rooms.sockets)),
        one("live_published_total", "counter", "Payloads given to the hub.", hub.published),
        one("live_frames_total", "counter", "Frames sent to sockets.", counts.frames),
        one("live_resyncs_total", "counter", "Times a socket lost events.", counts.resyncs),
        _cache("hits", "Questions answered from memory.", hits.hits),
        _cache("misses", "Questions that memory could not answer.", hits.misses),
        figures("evaluation", "What the evaluation of strategies says.", evaluation_state()),
        one("orders_working", "gauge", "Orders that may still fill.", working),
        one("pairs_paused", "gauge", "Strategies that stopped on a pair.", len(pairs_paused())),
        figures("outbox", "What the outbox of alerts says.", outbox()),
    ]


def _cache(name: str, about: str, counted: Mapping[str, int]) -> Family:
    samples = tuple(({"kind": kind}, float(counted[kind])) for kind in KINDS)
    return Family(f"mystic_cache_{name}_total", "counter", about, samples)


def live_families() -> list[Family]:
    """Return how fresh each source, quote and series is."""
    sources = selectors.sources()
    watched = selectors.instruments_watched()
    now = timezone.now()
    base = selectors.base_timeframe()
    quotes = ((i.symbol, store.latest(i.pk)) for i in watched)
    ends = ((i.symbol, selectors.closed_through(i.pk, base)) for i in watched)
    return [
        Family(
            "mystic_source_up",
            "gauge",
            "1 while the source is live.",
            tuple((_state(s), float(s.state == SourceState.State.LIVE)) for s in sources),
        ),
        Family(
            "mystic_source_message_age_seconds",
            "gauge",
            "Age of the newest message.",
            tuple(
                ({"source": s.source}, (now - s.last_message_at).total_seconds())
                for s in sources
                if s.last_message_at
            ),
        ),
        Family(
            "mystic_source_events_total",
            "counter",
            "What the source counted.",
            tuple(
                ({"source": s.source, "event": str(name)}, float(count))
                for s in sources
                for name, count in s.counters.items()
                if isinstance(count, int | float)
            ),
        ),
        Family(
            "mystic_quote_age_seconds",
            "gauge",
            "Age of the newest quote, by the monotonic clock.",
            tuple(
                ({"symbol": symbol, "source": quote.source}, store.age_ms(quote) / 1000)
                for symbol, quote in quotes
                if quote is not None
            ),
        ),
        Family(
            "mystic_bar_age_seconds",
            "gauge",
            "Time since the newest sealed bar closed.",
            tuple(
                ({"symbol": symbol}, now.timestamp() - end)
                for symbol, end in ends
                if end is not None
            ),
        ),
    ]


def _state(source: SourceState) -> dict[str, str]:
    return {"source": source.source, "state": source.state}


def _resident_bytes() -> float | None:
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return None
    return float(int(pages) * resource.getpagesize())
