"""The panel of a person's market makers: start, stop, and what came of them."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import trigger_client_event

from markets.models import Instrument
from markets.selectors import instruments_watched
from mystic.models import User
from trading.forms import MakingForm, parameter_rows
from trading.making import parameters_of
from trading.making_figures import figures_for, makers_for
from trading.models import Account
from trading.services.accounts import account_open
from trading.services.making import MakingError, maker_start, maker_stop

PANEL = "trading/fragments/making.html"


@require_GET
@login_required
def making(request: HttpRequest) -> HttpResponse:
    """Show the panel: the person's makers, and the form for another."""
    return _panel(request, MakingForm(instruments=_quotable(_account(request))))


@require_GET
@login_required
def making_rows(request: HttpRequest) -> HttpResponse:
    """Show the makers alone, for a page that is open."""
    context = {"makers": _makers(request)}
    return render(request, f"{PANEL}#makers", context)


@require_POST
@login_required
def making_start(request: HttpRequest) -> HttpResponse:
    """Start a maker with what was typed; one of the same pair takes the new parameters."""
    account = _account(request)
    instruments = _quotable(account)
    form = MakingForm(request.POST, instruments=instruments)
    if not form.is_valid():
        return _panel(request, form, status=422)
    try:
        maker = maker_start(account=account, instrument=form.instrument, parameters=form.parameters)
    except MakingError as fault:
        form.add_error(None, str(fault))
        return _panel(request, form, status=422)
    answer = _panel(request, MakingForm(instruments=instruments))
    return _told(answer, f"{maker.instrument.symbol} is being quoted.")


@require_POST
@login_required
def making_switch(request: HttpRequest, maker_id: int) -> HttpResponse:
    """Stop a maker, or start it again as it was."""
    user = _member(request)
    maker = get_object_or_404(makers_for(user=user), pk=maker_id)
    symbol = maker.instrument.symbol
    if request.POST.get("switch") == "on":
        try:
            maker_start(
                account=maker.account,
                instrument=maker.instrument,
                parameters=parameters_of(maker),
            )
            text = f"{symbol} is being quoted."
        except MakingError as fault:
            text = str(fault)
    else:
        maker_stop(maker=maker, actor=user.username)
        text = f"{symbol} is not quoted any more; its orders are cancelled."
    return _told(_panel(request, MakingForm(instruments=_quotable(_account(request)))), text)


def _panel(request: HttpRequest, form: MakingForm, status: int = 200) -> HttpResponse:
    context = {"makers": _makers(request), "form": form}
    return render(request, PANEL, context, status=status)


def _makers(request: HttpRequest) -> list[dict[str, object]]:
    return [
        {"it": one, "params": parameter_rows(one.maker.params)}
        for one in figures_for(user=_member(request))
    ]


def _quotable(account: Account) -> list[Instrument]:
    """Return the pairs that are streamed with a book and priced in the account's currency."""
    kind = Instrument.AssetClass.CRYPTO
    return [
        instrument
        for instrument in instruments_watched()
        if instrument.asset_class == kind and instrument.quote == account.currency
    ]


def _account(request: HttpRequest) -> Account:
    return account_open(user=_member(request))


def _member(request: HttpRequest) -> User:
    """Return who is signed in; `login_required` has seen to it that somebody is."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _told(answer: HttpResponse, text: str) -> HttpResponse:
    return trigger_client_event(answer, "mystic:toast", {"level": "success", "text": text})
