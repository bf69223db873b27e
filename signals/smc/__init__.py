"""Smart-Money structure in one causal pass: swings, breaks, zones, liquidity.

`Detector(swing=5).push(open_time, open, high, low, close)` takes the bar that just closed and
returns what that close made known. Nothing it ever returned is changed or withdrawn later:
an event says where it is drawn (`at`) and which bar's close confirmed it (`confirmed_at`);
what happens to a zone afterwards is told by a later `Change`.
`detect(bars, swing=5)` does the same for arrays. `docs/smc.md` gives the definitions.
"""

from signals.smc.detector import Detector, Pass, detect
from signals.smc.events import Change, Event, Found, Kind, Stage
from signals.smc.findings import Findings

__all__ = ["Change", "Detector", "Event", "Findings", "Found", "Kind", "Pass", "Stage", "detect"]
