"""What the frame of every page says about the market feed."""

from dataclasses import dataclass

from django.conf import settings

from markets import selectors
from markets.models import SourceState
from mystic.lib.provenance import REPLAY_PREFIX

State = SourceState.State

STREAM = ":stream"

# The best state of any stream decides what the page may say.
_RANK = (State.LIVE, State.STALE, State.CONNECTING, State.BLOCKED, State.DOWN)
_LABELS = {
    "live": "Live",
    "replay": "Replay",
    "stale": "Stale",
    "connecting": "Connecting",
    "down": "No live source",
}


@dataclass(frozen=True, slots=True)
class Feed:
    """The feed as one word; `reasons` says of each source that is not live why."""

    state: str
    is_replay: bool
    reasons: tuple[str, ...]
    sources: tuple[SourceState, ...]

    @property
    def label(self) -> str:
        return _LABELS[self.state]

    @property
    def is_down(self) -> bool:
        return self.state == "down"

    @property
    def address(self) -> str:
        """Where the market data are asked for, as the settings say."""
        return str(settings.ENV["BINANCE_REST_URL"])


def is_replay_configured() -> bool:
    return selectors.venue_configured().startswith(REPLAY_PREFIX)


def feed_now() -> Feed:
    """Read the state of every source; nothing known yet means that it is being connected."""
    sources = tuple(one for one in selectors.sources() if one.state != State.OFF)
    used = [one for one in sources if one.state != State.STANDBY]
    found = {one.state for one in used if one.source.endswith(STREAM)}
    best = next((str(state) for state in _RANK if state in found), str(State.CONNECTING))
    is_replay = is_replay_configured()
    state = "down" if best == State.BLOCKED else best
    if state == "live" and is_replay:
        state = "replay"
    reasons = tuple(_reason(one) for one in used if one.state != State.LIVE)
    return Feed(state, is_replay, reasons, sources)


def _reason(source: SourceState) -> str:
    why = source.last_error or source.detail
    return f"{source.source} is {source.state}" + (f": {why}" if why else "")
