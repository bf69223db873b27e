"""Smart-Money structure in one causal pass: swings, breaks of structure, order blocks, gaps.

`Detector(swing=5).push(open_time, open, high, low, close)` takes the bar that just closed and
returns what that close made known. Nothing it ever returned is changed or withdrawn later:
an event says where it is drawn (`at`) and which bar's close confirmed it (`confirmed_at`);
a zone that price trades into or through is marked by a later `Mitigation`.
`detect(bars, swing=5)` does the same for arrays. `docs/smc.md` gives the definitions.
"""

from signals.smc.detector import Detector, Found, detect
from signals.smc.events import Event, Kind, Mitigation

__all__ = ["Detector", "Event", "Found", "Kind", "Mitigation", "detect"]
