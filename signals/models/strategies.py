"""Strategies: classes with their parameters, rules that users wrote, files of a folder."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from markets.types import TIMEFRAME_NAMES


class Strategy(models.Model):
    """One strategy with its parameters on one timeframe; without owner it is for everybody.

    `version` hashes the code, or the rules that a user wrote, and the parameters: another version
    is another row. `definition` holds such rules (docs/rules.md) and is empty for a class.
    """

    class Origin(models.TextChoices):
        BUILT_IN = "built_in", "comes with Mystic"
        FOLDER = "folder", "from the strategies folder"
        RULES = "rules", "written as rules"

    class_name = models.CharField(max_length=80)
    version = models.CharField(max_length=16)
    name = models.CharField(max_length=80)
    timeframe = models.PositiveIntegerField(help_text="seconds")
    params = models.JSONField(default=dict)
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.BUILT_IN)
    definition = models.JSONField(default=dict, blank=True)
    about = models.CharField(max_length=1000, blank=True)
    is_shared = models.BooleanField(default=False, help_text="others may see and deploy it")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="strategies"
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "strategies"
        constraints = [
            models.UniqueConstraint(
                fields=["class_name", "version", "timeframe", "owner"],
                name="strategy_version_once",
            ),
            models.UniqueConstraint(
                fields=["class_name", "version", "timeframe"],
                condition=models.Q(owner=None),
                name="shared_strategy_version_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def timeframe_name(self) -> str:
        return TIMEFRAME_NAMES.get(self.timeframe, f"{self.timeframe} s")


class StrategyFile(models.Model):
    """One file of the strategies folder as it was last read: what it gave, or why it gave nothing.

    While `error` is set, the classes of its last good version go on.
    """

    name = models.CharField(max_length=120, unique=True, help_text="below the folder")
    digest = models.CharField(max_length=64, blank=True)
    class_names = models.JSONField(default=list)
    error = models.TextField(blank=True)
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
