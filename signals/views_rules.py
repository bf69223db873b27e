"""Pages on which any user writes a strategy as rules, tries it, and keeps it."""

import json
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from markets.selectors import instruments_watched
from mystic.lib.strict_json import StrictJSONError, loads
from mystic.models import User
from signals.columns.errors import ColumnError
from signals.columns.vocabulary import words_like
from signals.forms import RuleForm, form_blank, form_of, form_sent
from signals.models import Strategy
from signals.selectors_rules import own_strategies_for, rules_for, rules_seen_by
from signals.services.instances import readable
from signals.services.rule_checks import Trial, rule_try
from signals.services.rule_now import expression_now
from signals.services.rules import (
    free_name,
    rule_create,
    rule_delete,
    rule_edit,
    rule_prepare,
    rule_share,
    rule_switch,
)
from signals.strategies.definition_reading import DefinitionError, definition_read

WRONG = 422
MOST_WORDS = 400


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


@require_http_methods(["GET", "POST"])
@login_required
def rule_new(request: HttpRequest) -> HttpResponse:
    """Write a strategy, beginning with an example or with a copy of one that may be seen."""
    if request.method == "POST":
        return _sent(request, None)
    form = form_blank()
    source = request.GET.get("from", "")
    if source:
        if not (source.isascii() and source.isdigit() and len(source) < 19):
            raise Http404
        row = get_object_or_404(rules_seen_by(user=_user(request)), pk=int(source))
        rules, lost = readable(row)
        if rules is None:
            return _lost(request, lost)
        form = form_of(rules.definition)
        taken = set(own_strategies_for(user=_user(request)).values_list("name", flat=True))
        form.name = free_name(form.name, taken)
    return _page(request, form, None)


@require_http_methods(["GET", "POST"])
@login_required
def rule_change(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Edit a strategy that the user wrote; other rules make another version."""
    row = get_object_or_404(rules_for(user=_user(request)), pk=strategy_id)
    if request.method == "POST":
        return _sent(request, row)
    rules, lost = readable(row)
    if rules is None:
        return _lost(request, lost)
    return _page(request, form_of(rules.definition), row)


def _lost(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return _go(request, reverse("strategies"))


def _sent(request: HttpRequest, row: Strategy | None) -> HttpResponse:
    form, what = form_sent(request.POST.dict()), request.POST.get("do", "try")
    if what == "read":
        return _json_read(request, form, row)
    if what not in ("try", "save"):
        form.act(what)
        return _page(request, form, row)
    try:
        strategy = rule_prepare(form.data())
        trial = rule_try(strategy, symbol=form.symbol)
        if what == "try":
            return _page(request, form, row, trial)
        kept = (
            rule_create(user=_user(request), data=strategy)
            if row is None
            else rule_edit(strategy=row, data=strategy)
        )
    except DefinitionError as fault:
        form.show(fault.faults)
        return _page(request, form, row, status=WRONG)
    messages.success(request, f"{kept.name} is kept, version {kept.version}. {_summary(trial)}")
    return _go(request, _address(kept))


def _json_read(request: HttpRequest, form: RuleForm, row: Strategy | None) -> HttpResponse:
    """Fill the form from a pasted definition."""
    text = request.POST.get("json", "")
    try:
        filled = form_of(definition_read(loads(text)))
    except StrictJSONError as fault:
        form.show([("", fault.detail)])
    except DefinitionError as fault:
        form.show([("", f"{place or 'the definition'}: {said}") for place, said in fault.faults])
    else:
        filled.symbol = form.symbol
        return _page(request, filled, row)
    return _page(request, form, row, status=WRONG, text=text)


def _summary(trial: Trial) -> str:
    if not trial.decisions:
        return trial.proof.capitalize() + "."
    return (
        f"On the last {trial.decisions} bars of {trial.symbol}: {trial.entries} entries, "
        f"{trial.exits} exits."
    )


def _address(row: Strategy) -> str:
    place = f"#strategy-{row.pk}" if row.is_active else "#resting"
    return reverse("strategies") + place


def _go(request: HttpRequest, address: str) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        return HttpResponseClientRedirect(address)
    return HttpResponseRedirect(address)


def _page(
    request: HttpRequest,
    form: RuleForm,
    row: Strategy | None,
    trial: Trial | None = None,
    *,
    status: int = 200,
    text: str | None = None,
) -> HttpResponse:
    watched = instruments_watched()
    context = {
        "form": form,
        "row": row,
        "trial": trial,
        "instruments": watched,
        "symbol": form.symbol or (watched[0].symbol if watched else ""),
        "json": text if text is not None else _exported(form),
        "words": words_like("")[:MOST_WORDS],
    }
    return render(request, "signals/rules.html", context, status=status)


def _exported(form: RuleForm) -> str:
    """Return the definition of the form as JSON, as far as it can be read."""
    try:
        data: Any = definition_read(form.data()).exported()
    except DefinitionError:
        return ""
    return json.dumps(data, indent=2, ensure_ascii=False)


@require_POST
@login_required
def rule_now(request: HttpRequest) -> HttpResponse:
    """Say whether the expression of one field holds on the newest closed bar."""
    form = form_sent(request.POST.dict())
    found = form.text_of(request.POST.get("field", ""))
    if found is None:
        raise Http404
    text, names = found
    context: dict[str, Any] = {"reading": None, "fault": ""}
    if text:
        try:
            context["reading"] = expression_now(
                text,
                timeframe=form.timeframe if form.timeframe in form.timeframes else "5m",
                names=names,
                params=form.param_values(),
                symbol=form.symbol,
            )
        except ColumnError as fault:
            context["fault"] = str(fault)
    return render(request, "signals/fragments/rule_now.html", context)


@require_GET
@login_required
def rule_words(request: HttpRequest) -> HttpResponse:
    """List the words of the language that hold a text."""
    words = words_like(request.GET.get("q", "")[:60])[:MOST_WORDS]
    return render(request, "signals/fragments/words.html", {"words": words})


@require_GET
@login_required
def rule_json(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Give the definition of a strategy that the user may see as a file."""
    row = get_object_or_404(rules_seen_by(user=_user(request)), pk=strategy_id)
    rules, _ = readable(row)
    # What an update left unreadable is given as it is stored.
    data = rules.definition.exported() if rules else row.definition.get("rules")
    answer = JsonResponse(data, safe=False, json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="strategy-{row.pk}.json"'
    return answer


@require_POST
@login_required
def rule_act(request: HttpRequest, strategy_id: int) -> HttpResponse:
    """Share, unshare, switch on or off, or delete a strategy of the user's own."""
    row = get_object_or_404(own_strategies_for(user=_user(request)), pk=strategy_id)
    what = request.POST.get("do", "")
    try:
        said = _act(row, what)
    except DefinitionError as fault:
        messages.error(request, fault.faults[0][1])
        said = ""
    if said:
        messages.success(request, f"{row.name} {said}")
    return _go(request, reverse("strategies"))


def _act(row: Strategy, what: str) -> str:
    if what in ("share", "unshare"):
        rule_share(strategy=row, is_shared=what == "share")
        return "is shared: others may see and copy it." if what == "share" else "is private."
    if what in ("on", "off"):
        rule_switch(strategy=row, is_active=what == "on")
        return f"is {what}."
    if what == "delete":
        is_gone = rule_delete(strategy=row)
        return "is deleted." if is_gone else "decided already: it is off, and its record is kept."
    raise Http404
