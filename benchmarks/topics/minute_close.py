"""One minute of 100 instruments closes: bars stored, decisions written, signals out."""

import tempfile

from benchmarks.children import Child, ChildError
from benchmarks.figures import Figure, lower, median
from benchmarks.ours.platform import environment

INSTRUMENTS = 100


def measure(*, is_quick: bool) -> dict[str, Figure]:
    symbols = [f"L{number:02d}/USDT" for number in range(INSTRUMENTS)]
    with tempfile.TemporaryDirectory(prefix="mystic-") as folder:
        settings = environment(folder, symbols)
        with Child("benchmarks.ours.minute_close", environment=settings) as child:
            found = child.ask(closes=2 if is_quick else 12)
    closes = found["closes"]
    if any(one["decisions"] < 2 * INSTRUMENTS for one in closes):
        raise ChildError(f"decisions are missing: {closes}")
    if "warming_up" in found["verdicts"] or "error" in found["verdicts"]:
        raise ChildError(f"the strategies did not really decide: {found['verdicts']}")
    print(
        f"  {found['history']} bars of history each; signals at the closes: "
        f"{[one['signals'] for one in closes]}; verdicts: {', '.join(found['verdicts'])}"
    )
    worst = max(one["total"] for one in closes)
    return {
        "minute_close": lower(worst, "ms", limit=found["limit"], goal="ours <= 1000"),
        "minute_close_median": lower(
            median([one["total"] for one in closes]), "ms", limit=found["limit"]
        ),
        "minute_close_stored": lower(
            max(one["stored"] for one in closes), "ms", goal="ours <= 150"
        ),
        "minute_close_after_a_start": lower(found["cold"]["total"], "ms"),
        "minute_close_patterns": lower(max(one["patterns"] for one in closes), "ms"),
    }
