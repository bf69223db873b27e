"""`manage.py sweep`: search over parameters on stored bars, and say which point to trust."""

from trading.management.searching import SHOWN, TOLD, SearchCommand, said, said_point
from trading.models import Sweep


class Command(SearchCommand):
    help = (
        "Search over the parameters of a strategy. A walk-forward (manage.py walkforward) says "
        "more: a sweep knows only the bars that it chose on."
    )

    def show(self, sweep: Sweep) -> None:
        """Print the recommended point, the best ones, and what they are worth."""
        summary = sweep.summary
        self.counts(sweep)
        heading = ["", "point", sweep.objective, "around it", *TOLD[1:]]
        marked = [("*", summary["recommended"])] if summary["recommended"] else []
        rows = [
            [
                mark,
                said_point(one["params"]),
                said(one["objective"]),
                said(one["stability"]["median"]),
                *(said(one["metrics"].get(name)) for name in TOLD[1:]),
            ]
            for mark, one in [*marked, *(("", one) for one in summary["ranking"][:SHOWN])]
        ]
        self.table([heading, *rows])
        self.stdout.write("* recommended: the best neighbourhood, not the best point")
        if summary["verdict"] is not None:
            self.stdout.write(f"the best point: {summary['verdict']['sentence']}")
        if summary["overfitting"] is not None:
            self.stdout.write(summary["overfitting"]["sentence"])
