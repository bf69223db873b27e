"""What signals tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignalRaised:
    """A signal row is committed; the id is all that travels."""

    signal_id: int


@dataclass(frozen=True, slots=True)
class DecisionsWritten:
    """Decisions of one evaluation are committed: (strategy id, instrument id) pairs touched."""

    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ForecastsMade:
    """Forecast rows are committed."""

    forecast_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ConsensusReached:
    """The vote on one bar is committed; `is_changed` where it says something else than before."""

    consensus_id: int
    is_changed: bool


@dataclass(frozen=True, slots=True)
class TrainingWanted:
    """A model's row waits to be trained."""

    model_id: int


@dataclass(frozen=True, slots=True)
class ModelTrained:
    """A model's training ended: it is ready, or it failed."""

    model_id: int


@dataclass(frozen=True, slots=True)
class AnalysisWanted:
    """An analysis of a strategy is committed and waits for a worker."""

    analysis_id: int
