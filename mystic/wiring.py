"""The flow of events, on one page: who listens to what.

    quote       -> stops, targets and resting orders; market makers; price rules; pages
    bars closed -> evaluate -> signal -> act -> order -> fill -> alert -> page
                -> forecast -> vote -> page;  forecast -> score, when its bar has come
    research    -> a process that makes backtests and trials -> result -> page

Listeners of quotes, books and bars run on the streamer's loop and only look into memory. Work that
must happen has its row already: a task or a doorbell names the row, and a sweep finds it otherwise.
"""

from dataclasses import astuple

from mystic.lib import bus


def connect() -> None:
    """Attach every listener; called once when Django is ready."""
    _markets()
    _signals()
    _trading()
    _notifications()


def _markets() -> None:
    from markets import live
    from markets.events import (
        BarForming,
        BarsClosed,
        BookChanged,
        BookLost,
        DelayedPricesGone,
        DelayedPriceTold,
        QuoteChanged,
        SourceChanged,
        SourcesDisagree,
        TradeSeen,
        UnusualOption,
    )
    from markets.services import agreement
    from markets.streaming.book_stats import stats
    from notifications import watch as price_rules
    from notifications.services import listeners
    from signals import tasks as signals
    from trading.making import desk as makers
    from trading.watch import watch

    bus.subscribe(QuoteChanged, watch.on_quote_changed)
    bus.subscribe(QuoteChanged, makers.on_quote)
    bus.subscribe(QuoteChanged, price_rules.on_quote)
    bus.subscribe(QuoteChanged, live.on_quote)
    bus.subscribe(QuoteChanged, agreement.on_quote)
    bus.subscribe(QuoteChanged, stats.on_quote)
    bus.subscribe(TradeSeen, stats.on_trade)
    bus.subscribe(TradeSeen, makers.on_trade)
    bus.subscribe(BookLost, stats.on_lost)
    bus.subscribe(BookLost, makers.on_lost)
    bus.subscribe(BookLost, live.on_book_lost)
    bus.subscribe(BookChanged, stats.on_book)
    bus.subscribe(BookChanged, live.on_book)
    bus.subscribe(DelayedPriceTold, live.on_delayed)
    bus.subscribe(DelayedPricesGone, live.on_delayed_gone)
    bus.subscribe(BarForming, live.on_bar_forming)
    bus.subscribe(BarsClosed, signals.on_bars_closed)
    bus.subscribe(BarsClosed, live.on_bars_closed)
    bus.subscribe(UnusualOption, live.on_unusual_option)
    bus.subscribe(UnusualOption, listeners.on_unusual_option)
    bus.subscribe(SourceChanged, live.on_source)
    bus.subscribe(SourceChanged, listeners.on_source_changed)
    bus.subscribe(SourcesDisagree, listeners.on_sources_disagree)


def _signals() -> None:
    from notifications import tasks as notifications
    from signals import live, tasks_analysis, tasks_ledger, tasks_models
    from signals.events import (
        AnalysisWanted,
        ConsensusReached,
        DecisionsWritten,
        ForecastsMade,
        SignalRaised,
        TrainingWanted,
    )
    from signals.forecasting.shelf import shelf
    from signals.services.shelving import models_shelve
    from trading import tasks as trading

    shelf.refresh = models_shelve
    bus.subscribe(TrainingWanted, lambda event: tasks_models.train.delay(event.model_id))
    bus.subscribe(AnalysisWanted, lambda event: tasks_analysis.analyse.delay(event.analysis_id))
    bus.subscribe(SignalRaised, lambda event: trading.act.delay(event.signal_id))
    bus.subscribe(SignalRaised, notifications.on_signal)
    bus.subscribe(SignalRaised, live.on_signal)
    bus.subscribe(DecisionsWritten, tasks_ledger.on_words)
    bus.subscribe(ForecastsMade, tasks_ledger.on_words)
    bus.subscribe(ConsensusReached, live.on_consensus)


def _trading() -> None:
    from markets.selectors_streamed import stream_also
    from notifications import tasks as notifications
    from notifications.services import listeners
    from notifications.services.parity import on_parity_reported
    from trading import desk, live, tasks_parity, tasks_research
    from trading.at_work import symbols_at_work
    from trading.events import (
        OrderChanged,
        OrderFilled,
        OrderSubmitted,
        ParityReported,
        ParityWanted,
        PositionChanged,
        ResearchChanged,
        ResearchWanted,
        RiskHalted,
    )
    from trading.watch import watch

    stream_also(symbols_at_work)
    bus.subscribe(OrderSubmitted, desk.on_order_submitted)
    bus.subscribe(OrderChanged, watch.on_order_changed)
    bus.subscribe(OrderChanged, live.on_order_changed)
    bus.subscribe(PositionChanged, watch.on_position_changed)
    bus.subscribe(PositionChanged, live.on_position_changed)
    bus.subscribe(OrderFilled, live.on_order_filled)
    bus.subscribe(OrderFilled, notifications.on_fill)
    bus.subscribe(ResearchChanged, live.on_research_changed)
    bus.subscribe(RiskHalted, live.on_risk_halted)
    bus.subscribe(RiskHalted, listeners.on_risk_halted)
    bus.subscribe(ParityWanted, lambda event: tasks_parity.report.delay(*astuple(event)))
    bus.subscribe(ParityReported, on_parity_reported)
    bus.subscribe(ResearchWanted, lambda event: tasks_research.work.delay())


def _notifications() -> None:
    from notifications import tasks
    from notifications.events import AlertRaised

    bus.subscribe(AlertRaised, tasks.on_alert_raised)
