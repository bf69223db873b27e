"""Forecasts, the models that make them, and how they turned out."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from markets.models import Instrument
from markets.types import TIMEFRAME_NAMES
from mystic.lib.append_only import AppendOnly
from mystic.lib.provenance import Provenance
from signals.models.strategies import Strategy


class ForecastModel(models.Model):
    """One trained model and the work of training it: gradient-boosted trees of one horizon.

    Times are UTC epoch seconds. It saw every bar that closed up to `trained_through`, the close of
    its last label included, and refuses to score any of them. The trees are stored in XGBoost's own
    binary JSON (UBJSON), which holds numbers and no code.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waits for a worker"
        TRAINING = "training"
        READY = "ready"
        FAILED = "failed"
        RETIRED = "retired", "replaced by a newer version"

    name = models.SlugField(max_length=60, help_text="what x.model names")
    version = models.PositiveIntegerField(default=1)
    asset_class = models.CharField(max_length=8, choices=Instrument.AssetClass)
    symbols = models.JSONField(default=list, help_text="whose bars it is trained on")
    timeframe = models.PositiveIntegerField(help_text="seconds")
    horizon = models.PositiveIntegerField(help_text="bars ahead")
    features = models.JSONField(default=dict, help_text="name: expression of the column language")
    options = models.JSONField(default=dict, help_text="of the trees and the walk-forward")
    seed = models.PositiveIntegerField(default=7)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    progress = models.FloatField(default=0.0, help_text="0 to 1")
    stage = models.CharField(max_length=80, blank=True)
    error = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    data_hash = models.CharField(max_length=64, blank=True)
    rows = models.PositiveIntegerField(default=0)
    trained_from = models.BigIntegerField(null=True, blank=True)
    trained_through = models.BigIntegerField(null=True, blank=True)
    metrics = models.JSONField(default=dict)
    direction_trees = models.BinaryField(null=True, blank=True)
    quantile_trees = models.BinaryField(null=True, blank=True)
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of both")
    drift = models.JSONField(default=dict)
    drift_checked_at = models.DateTimeField(null=True, blank=True)
    retrain_days = models.PositiveSmallIntegerField(default=0, help_text="0: never by itself")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="model_version_once"),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(state="ready"), name="one_ready_model_a_name"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="ready")
                | models.Q(trained_through__isnull=False, direction_trees__isnull=False),
                name="ready_model_is_trained",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    @property
    def timeframe_name(self) -> str:
        return TIMEFRAME_NAMES.get(self.timeframe, f"{self.timeframe} s")


class Forecast(AppendOnly):
    """What a model, or a strategy by its signal, said about a price before it was known.

    Written before `due_at`, never changed, never deleted (the database refuses). Times are UTC
    epoch seconds, prices and returns float64; a return is `price then / price now - 1`.
    """

    model = models.ForeignKey(
        ForecastModel, models.PROTECT, null=True, blank=True, related_name="forecasts"
    )
    strategy = models.ForeignKey(
        Strategy, models.PROTECT, null=True, blank=True, related_name="forecasts"
    )
    instrument = models.ForeignKey(Instrument, models.PROTECT, related_name="forecasts")
    timeframe = models.PositiveIntegerField(help_text="seconds")
    horizon = models.PositiveIntegerField(help_text="bars ahead")
    bar_open = models.BigIntegerField()
    due_at = models.BigIntegerField(help_text="close of the bar it speaks of")
    price = models.FloatField(help_text="close of the bar it was made from")
    direction = models.SmallIntegerField(help_text="1 up, -1 down")
    probability = models.FloatField(null=True, blank=True, help_text="that the price is higher")
    base_rate = models.FloatField(null=True, blank=True, help_text="share of rises in training")
    quantiles = models.JSONField(default=dict, help_text="level: return")
    contributions = models.JSONField(default=dict, help_text="feature: [value, log-odds]")
    source = models.CharField(max_length=40)
    is_live = models.BooleanField(default=False)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Serves the job that scores what has become due.
            models.Index(fields=["due_at"], name="forecast_by_due"),
            models.Index(fields=["instrument", "-bar_open"], name="forecast_by_instrument"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "instrument", "bar_open"],
                condition=models.Q(model__isnull=False),
                name="model_forecast_once",
            ),
            models.UniqueConstraint(
                fields=["strategy", "instrument", "bar_open"],
                condition=models.Q(strategy__isnull=False),
                name="strategy_forecast_once",
            ),
            models.CheckConstraint(
                condition=models.Q(model__isnull=True, strategy__isnull=False)
                | models.Q(model__isnull=False, strategy__isnull=True),
                name="forecast_has_one_author",
            ),
            models.CheckConstraint(
                condition=models.Q(due_at__gt=models.F("bar_open")), name="forecast_looks_ahead"
            ),
            models.CheckConstraint(
                condition=models.Q(direction__in=(1, -1)), name="forecast_has_a_direction"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model or self.strategy} on {self.instrument_id} at {self.bar_open}"

    @property
    def provenance(self) -> Provenance:
        """Where the bar under the forecast came from."""
        return Provenance(
            source=self.source,
            is_live=self.is_live and timezone.now().timestamp() < self.due_at,
            as_of_ms=(self.bar_open + self.timeframe) * 1000,
            received_at_ms=int(self.made_at.timestamp() * 1000),
        )


class ForecastScore(AppendOnly):
    """How one forecast turned out, held against the naive one; written once, when it was due.

    The naive forecast of a direction is the base rate of the training data, that of a quantile is
    no change. Lower is better for Brier score and pinball loss.
    """

    forecast = models.OneToOneField(Forecast, models.PROTECT, related_name="score")
    outcome_price = models.FloatField()
    outcome_return = models.FloatField()
    is_up = models.BooleanField()
    is_hit = models.BooleanField()
    brier = models.FloatField(null=True, blank=True)
    naive_brier = models.FloatField(null=True, blank=True)
    pinball = models.FloatField(null=True, blank=True)
    naive_pinball = models.FloatField(null=True, blank=True)
    source = models.CharField(max_length=40)
    scored_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.forecast_id}: {'hit' if self.is_hit else 'miss'}"
