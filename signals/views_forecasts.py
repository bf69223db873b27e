"""Pages of the forecasts: what is expected, how it turned out, and what all say together."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from markets.models import Instrument
from markets.selectors import bars_load, instrument_by_symbol
from markets.watchlist import rows_for, rows_watched
from signals import drawing
from signals.models import ForecastModel
from signals.selectors_accuracy import PERIODS, accuracy, calibration, overall, scores_for, trend
from signals.selectors_forecasts import (
    consensus_newest,
    consensus_recent,
    forecasts_newest,
    forecasts_recent,
    models_for_pages,
)

CLASSES = (("", "All"), ("crypto", "Crypto"), ("stock", "Stocks"))
SPANS = {"7": "7 days", "30": "30 days", "90": "90 days", "": "all time"}
CLOSES = 120
ROWS = 50


def _choice(request: HttpRequest, name: str, known: Any, otherwise: str) -> str:
    asked = request.GET.get(name, otherwise)
    return asked if asked in known else otherwise


def _instrument(slug: str) -> Instrument:
    try:
        return instrument_by_symbol(slug)
    except Instrument.DoesNotExist:
        raise Http404(f"{slug} is not in the catalogue") from None


@require_GET
@login_required
def forecasts(request: HttpRequest) -> HttpResponse:
    """Show the market in short: price, what the voters say, what the models expect."""
    asset_class = _choice(request, "class", dict(CLASSES), "")
    rows = [row for row in rows_watched() if asset_class in ("", str(row.instrument.asset_class))]
    instruments = [row.instrument for row in rows]
    told, votes = forecasts_newest(instruments), consensus_newest(instruments)
    context = {
        "rows": [
            {
                "row": row,
                "forecasts": told.get(row.instrument.pk, []),
                "votes": votes.get(row.instrument.pk, []),
            }
            for row in rows
        ],
        "classes": CLASSES,
        "asset_class": asset_class,
        "models": models_for_pages().exclude(state=ForecastModel.State.RETIRED),
    }
    return render(request, "signals/forecasts.html", context)


@require_GET
@login_required
def forecast(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the models expect of one symbol, drawn, explained, and how it went before."""
    instrument = _instrument(slug)
    newest = forecasts_newest([instrument]).get(instrument.pk, [])
    context = {
        "instrument": instrument,
        "row": rows_for([instrument])[0],
        "cards": [_card(one) for one in newest],
        "votes": consensus_newest([instrument]).get(instrument.pk, []),
        "recent": forecasts_recent(instrument=instrument)[:ROWS],
        "accuracy": accuracy(scores_for(symbol=instrument.symbol)),
    }
    return render(request, "signals/forecast.html", context)


def _card(forecast: Any) -> dict[str, Any]:
    end = forecast.bar_open + forecast.timeframe
    bars = bars_load(forecast.instrument_id, forecast.timeframe, end=end, limit=CLOSES)
    quantiles = sorted((float(level), value) for level, value in forecast.quantiles.items())
    return {
        "forecast": forecast,
        "fan": drawing.fan(bars.close.tolist(), forecast.price, forecast.quantiles),
        "quantiles": [
            {"level": level, "value": value, "price": forecast.price * (1 + value)}
            for level, value in quantiles
        ],
        "contributions": [
            {"name": name, "value": pair[0], "pull": pair[1]}
            for name, pair in forecast.contributions.items()
        ],
        "is_due": forecast.due_at <= timezone.now().timestamp(),
    }


@require_GET
@login_required
def forecast_accuracy(request: HttpRequest) -> HttpResponse:
    """Show how the forecasts turned out: by voter, by symbol, over time, and their calibration."""
    period = _choice(request, "period", PERIODS, "week")
    span = _choice(request, "span", SPANS, "90")
    model = request.GET.get("model", "")[:60]
    symbol = request.GET.get("symbol", "")[:40].upper()
    asked = request.GET.get("horizon", "")
    horizon = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else None
    since = int(timezone.now().timestamp()) - int(span) * 86_400 if span else None
    scores = scores_for(model=model, symbol=symbol, horizon=horizon, since=since)
    points = trend(scores, period=period)
    bins = calibration(scores)
    context = {
        "overall": overall(scores),
        "by_symbol": accuracy(scores),
        "points": points,
        "marks": drawing.trend_marks(points),
        "bins": bins,
        "bin_marks": drawing.calibration_marks(bins),
        "count": len(scores),
        "models": models_for_pages().values_list("name", flat=True).distinct(),
        "model": model,
        "symbol": symbol,
        "horizon": horizon,
        "period": period,
        "periods": list(PERIODS),
        "span": span,
        "spans": list(SPANS.items()),
    }
    return render(request, "signals/accuracy.html", context)


@require_GET
@login_required
def consensus(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the newest votes on one symbol with every voter, its weight and its record."""
    instrument = _instrument(slug)
    context = {
        "instrument": instrument,
        "votes": consensus_newest([instrument]).get(instrument.pk, []),
        "recent": consensus_recent(instrument=instrument).exclude(signal_type="HOLD")[:ROWS],
    }
    return render(request, "signals/consensus.html", context)
