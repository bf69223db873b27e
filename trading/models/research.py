"""Backtests, sweeps and walk-forwards: what was asked, how far it is, and what came of it.

Times are UTC epoch seconds. A run holds a lease while a process works on it: one that dies leaves
the lease to run out, and the work is done again.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from markets.types import TIMEFRAME_NAMES
from mystic.lib.append_only import AppendOnly
from signals.models import Strategy


class Research(models.Model):
    """What every piece of research is made on: a strategy, instruments, a span, assumptions.

    The strategy is named by its row and by what the row said then (class, parameters, version), so
    that a later edit leaves the record as it was.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waits for a worker"
        RUNNING = "running"
        READY = "ready"
        FAILED = "failed"
        CANCELED = "canceled"

    ENDED = (State.READY, State.FAILED, State.CANCELED)

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="%(class)ss")
    name = models.CharField(max_length=80, blank=True)
    strategy = models.ForeignKey(
        Strategy, models.SET_NULL, null=True, blank=True, related_name="%(class)ss"
    )
    class_name = models.CharField(max_length=80)
    version = models.CharField(max_length=16, help_text="of code and parameters")
    definition = models.JSONField(default=dict, blank=True, help_text="rules, where written")
    params = models.JSONField(default=dict)
    symbols = models.JSONField(default=list)
    timeframe = models.PositiveIntegerField(help_text="seconds")
    from_open = models.BigIntegerField(help_text="first bar decided on")
    through_open = models.BigIntegerField(help_text="last bar decided on")
    assumptions = models.JSONField(default=dict, help_text="as trading.backtest.Assumptions")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    progress = models.FloatField(default=0.0, help_text="0 to 1")
    stage = models.CharField(max_length=80, blank=True)
    error = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    is_archived = models.BooleanField(default=False, help_text="left out of lists")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def timeframe_name(self) -> str:
        return TIMEFRAME_NAMES.get(self.timeframe, f"{self.timeframe} s")

    @property
    def is_ended(self) -> bool:
        return self.state in self.ENDED


class BacktestRun(Research):
    """One backtest: a strategy over a span of stored bars with its assumptions."""

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="backtest_by_owner"),
            # Serves the workers: what waits or lost its process.
            models.Index(
                fields=["id"], condition=Q(state__in=["waiting", "running"]), name="backtest_due"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(from_open__lte=F("through_open")), name="backtest_span_runs_forward"
            ),
        ]

    def __str__(self) -> str:
        return f"backtest {self.pk} of {self.class_name} {self.version}"


class BacktestResult(AppendOnly):
    """What a backtest gave: written once, never changed, equal bytes for an equal digest.

    `digest` hashes code, parameters, candles, assumptions and seed; `document` is the report as
    canonical JSON, deflated (`trading.backtest.document`); `metrics` repeats its figures for lists.
    """

    run = models.OneToOneField(BacktestRun, models.CASCADE, related_name="result")
    digest = models.CharField(max_length=64, db_index=True)
    code_hash = models.CharField(max_length=64)
    data_hash = models.CharField(max_length=64)
    document = models.BinaryField()
    document_hash = models.CharField(max_length=64)
    metrics = models.JSONField(default=dict)
    bars = models.PositiveBigIntegerField(default=0)
    trades = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0.0, help_text="how long it took; not part of the digest")
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"result {self.digest[:12]} of run {self.run_id}"


class Sweep(Research):
    """A search over parameters: each point is a trial, or one for each fold of a walk-forward.

    `params` are those that stay; `space` says what varies (docs/sweeps.md). `seed` settles every
    random choice. `summary` is what the page shows when it has ended.
    """

    class Kind(models.TextChoices):
        SWEEP = "sweep"
        WALK_FORWARD = "walk_forward", "walk-forward"

    class Method(models.TextChoices):
        GRID = "grid"
        RANDOM = "random"
        TPE = "tpe", "TPE (Optuna)"

    kind = models.CharField(max_length=12, choices=Kind, default=Kind.SWEEP)
    method = models.CharField(max_length=6, choices=Method, default=Method.GRID)
    space = models.JSONField(default=dict)
    points = models.PositiveIntegerField(help_text="trials, in each fold")
    objective = models.CharField(max_length=40, default="sharpe", help_text="a metric's name")
    seed = models.PositiveIntegerField(default=7)
    walk = models.JSONField(default=dict, blank=True, help_text="of a walk-forward: its windows")
    summary = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="sweep_by_owner"),
            models.Index(
                fields=["id"], condition=Q(state__in=["waiting", "running"]), name="sweep_due"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(from_open__lte=F("through_open"), points__gt=0),
                name="sweep_makes_sense",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk} of {self.class_name}"


class Fold(models.Model):
    """One step of a walk-forward: bars to choose on, and later ones the choice is judged on.

    Between them lies the purge: bars that neither side sees. `chosen` are the parameters that won;
    `metrics` and `equity` are those of the bars after, which the choice never saw.
    """

    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="folds")
    number = models.PositiveSmallIntegerField()
    train_from = models.BigIntegerField()
    train_through = models.BigIntegerField()
    test_from = models.BigIntegerField()
    test_through = models.BigIntegerField()
    chosen = models.JSONField(null=True, blank=True)
    chosen_metrics = models.JSONField(default=dict, help_text="on the bars it was chosen on")
    metrics = models.JSONField(default=dict, help_text="on the bars after")
    equity = models.JSONField(default=dict, help_text="time: [], equity: [] on the bars after")

    class Meta:
        ordering = ["sweep", "number"]
        constraints = [
            models.UniqueConstraint(fields=["sweep", "number"], name="fold_once"),
            models.CheckConstraint(
                condition=Q(
                    train_from__lte=F("train_through"),
                    test_from__gt=F("train_through"),
                    test_through__gte=F("test_from"),
                ),
                name="fold_tests_after_it_trained",
            ),
        ]

    def __str__(self) -> str:
        return f"fold {self.number} of sweep {self.sweep_id}"


class Trial(models.Model):
    """One point of a search and what it gave; the log behind the deflated Sharpe ratio."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="trials")
    fold = models.ForeignKey(Fold, models.CASCADE, null=True, blank=True, related_name="trials")
    number = models.PositiveIntegerField()
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    worker = models.CharField(max_length=40, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    objective = models.FloatField(null=True, blank=True)
    metrics = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["sweep", "fold", "number"]
        indexes = [
            # Serves the workers: what of a sweep is still to be done.
            models.Index(
                fields=["sweep", "id"],
                condition=Q(state__in=["waiting", "running"]),
                name="trial_due",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["sweep", "number"], condition=Q(fold=None), name="trial_once"
            ),
            models.UniqueConstraint(fields=["fold", "number"], name="trial_once_a_fold"),
        ]

    def __str__(self) -> str:
        return f"trial {self.number} of sweep {self.sweep_id}"
