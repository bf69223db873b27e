"""Pages of the alerts: what happened, what to tell, and which way."""

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from markets.selectors import instrument_by_symbol
from mystic.models import User
from notifications import selectors
from notifications.forms import EmailForm, RuleForm
from notifications.models import Alert, AlertRule
from notifications.services import alert_rules, alerts, channels, linking

PAGE = 50
INVALID = 422


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _toast(response: HttpResponse, level: str, text: str) -> HttpResponse:
    return trigger_client_event(response, "mystic:toast", {"level": level, "text": text})


def _number(text: str) -> int | None:
    """Return a row id from an address, or None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


@require_GET
@login_required
def alerts_page(request: HttpRequest) -> HttpResponse:
    """Show the rules and the history of alerts with what became of each delivery."""
    before = _number(request.GET.get("before", ""))
    context = {
        **_rules_context(request, RuleForm()),
        **_history_context(request, before),
    }
    return render(request, "notifications/alerts.html", context)


def _history_context(request: HttpRequest, before: int | None = None) -> dict[str, Any]:
    found = selectors.alerts_for(user=_user(request))
    rows = list((found.filter(pk__lt=before) if before else found)[: PAGE + 1])
    return {
        "alerts": rows[:PAGE],
        "oldest_id": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "is_first_page": before is None,
        "unread": selectors.unread_count(user=_user(request)),
    }


def _rules_context(request: HttpRequest, form: RuleForm) -> dict[str, Any]:
    return {
        "rules": selectors.rules_for(user=_user(request)),
        "price_kind": AlertRule.Kind.PRICE,
        "form": form,
    }


def _rules(request: HttpRequest, form: RuleForm | None = None, status: int = 200) -> HttpResponse:
    context = _rules_context(request, form or RuleForm())
    return render(request, "notifications/alerts.html#rules", context, status=status)


@require_POST
@login_required
def rule_create(request: HttpRequest) -> HttpResponse:
    """Make a rule of the form, or show the form with what is wrong."""
    form = RuleForm(request.POST)
    if form.is_valid():
        try:
            _rule_of(_user(request), form.cleaned_data)
        except alert_rules.RuleError as fault:
            form.add_error(_field_of(fault.field), str(fault))
    if not form.is_valid():
        return _rules(request, form, status=INVALID)
    return _toast(_rules(request), "success", "The rule is set.")


def _field_of(name: str) -> str:
    return "symbol" if name == "instrument" else name


def _rule_of(user: User, data: dict[str, Any]) -> AlertRule:
    kind, symbol = data["kind"], data["symbol"]
    params: dict[str, Any] = {}
    if kind == AlertRule.Kind.PRICE:
        params = {"direction": data["direction"], "level": data["level"].strip()}
    elif kind == AlertRule.Kind.SIGNAL:
        params = {"min_confidence": (data["min_confidence"] or 0) / 100}
    takes_symbol = kind in {AlertRule.Kind.PRICE, AlertRule.Kind.SIGNAL, AlertRule.Kind.FILL}
    return alert_rules.rule_create(
        user=user,
        kind=kind,
        instrument=instrument_by_symbol(symbol) if symbol and takes_symbol else None,
        params=params,
        is_repeating=kind == AlertRule.Kind.PRICE and data["is_repeating"],
    )


@require_POST
@login_required
def rule_switch(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Switch a rule on or off."""
    rule = get_object_or_404(selectors.rules_for(user=_user(request)), pk=rule_id)
    alert_rules.rule_switch(rule=rule, is_active=request.POST.get("is_active") == "true")
    return _rules(request)


@require_POST
@login_required
def rule_delete(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Delete a rule."""
    rule = get_object_or_404(selectors.rules_for(user=_user(request)), pk=rule_id)
    alert_rules.rule_delete(rule=rule)
    return _toast(_rules(request), "success", "The rule is deleted.")


def _history(request: HttpRequest) -> HttpResponse:
    return render(request, "notifications/alerts.html#history", _history_context(request))


@require_POST
@login_required
def alerts_read(request: HttpRequest) -> HttpResponse:
    """Mark every alert as read."""
    alerts.alerts_read(user=_user(request))
    return trigger_client_event(_history(request), "mystic:alerts-read", {})


@require_POST
@login_required
def alert_read(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Mark one alert as read."""
    alert = get_object_or_404(Alert, pk=alert_id, user=_user(request))
    alerts.alert_read(alert=alert)
    return trigger_client_event(_history(request), "mystic:alerts-read", {})


@require_POST
@login_required
def alert_test(request: HttpRequest) -> HttpResponse:
    """Send a test alert every usable way."""
    if channels.test_send(user=_user(request)):
        return _toast(_history(request), "success", "A test alert is on its way.")
    return _toast(_history(request), "warning", "One test alert a minute; try again shortly.")


@require_GET
@login_required
def latest_fragment(request: HttpRequest) -> HttpResponse:
    """Show the newest alerts on the dashboard."""
    context = {"alerts": selectors.alerts_latest(user=_user(request))}
    return render(request, "notifications/fragments/latest.html", context)


@require_GET
@login_required
def unread_fragment(request: HttpRequest) -> HttpResponse:
    """Show how many alerts are unread, as bare text; nothing for none."""
    count = selectors.unread_count(user=_user(request))
    text = "" if not count else str(count) if count < 100 else "99+"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _channels(
    request: HttpRequest, *, status: int = 200, form: EmailForm | None = None, **extra: Any
) -> HttpResponse:
    context = {
        "channels": selectors.channels_for(user=_user(request)),
        "email_form": form or EmailForm(),
        "is_telegram_on": selectors.is_telegram_on(),
        **extra,
    }
    is_whole = not getattr(request, "htmx", False)
    name = "notifications/channels.html" + ("" if is_whole else "#channels")
    return render(request, name, context, status=status)


@require_GET
@login_required
def channels_page(request: HttpRequest) -> HttpResponse:
    """Show the ways to reach the user: a page of its own, or a part of the settings."""
    return _channels(request)


@require_POST
@login_required
def email_add(request: HttpRequest) -> HttpResponse:
    """Add an e-mail address; a link to confirm it is sent there."""
    form = EmailForm(request.POST)
    if form.is_valid():
        try:
            channels.email_add(user=_user(request), address=form.cleaned_data["address"])
        except channels.ChannelError as fault:
            form.add_error("address", str(fault))
    if not form.is_valid():
        return _channels(request, form=form, status=INVALID)
    return _toast(_channels(request), "success", "A link was sent; open it to confirm.")


@require_POST
@login_required
def channel_switch(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Switch a channel on or off."""
    channel = get_object_or_404(selectors.channels_for(user=_user(request)), pk=channel_id)
    is_enabled = request.POST.get("is_enabled") == "true"
    channels.channel_switch(channel=channel, is_enabled=is_enabled)
    return _channels(request)


@require_POST
@login_required
def channel_delete(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Remove a channel."""
    channel = get_object_or_404(selectors.channels_for(user=_user(request)), pk=channel_id)
    try:
        channels.channel_delete(channel=channel)
    except channels.ChannelError as fault:
        return _toast(_channels(request), "warning", str(fault))
    return _channels(request)


@require_POST
@login_required
def verification_send(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Send the link that confirms an address again."""
    channel = get_object_or_404(selectors.channels_for(user=_user(request)), pk=channel_id)
    try:
        channels.verification_send(channel=channel)
    except channels.ChannelError as fault:
        return _toast(_channels(request), "warning", str(fault))
    return _toast(_channels(request), "success", "Another link was sent.")


@require_http_methods(["GET", "POST"])
def channel_verify(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm an address: the link shows a button, because mail scanners open links."""
    context: dict[str, Any] = {"token": token}
    try:
        if request.method == "POST":
            context["confirmed"] = channels.channel_verify(token=token)
        else:
            context["channel"] = channels.channel_of_token(token)
    except channels.ChannelError as fault:
        context["fault"] = str(fault)
    status = 404 if "fault" in context else 200
    return render(request, "notifications/verify.html", context, status=status)


@require_POST
@login_required
def telegram_link(request: HttpRequest) -> HttpResponse:
    """Show a new one-time code that links a Telegram chat."""
    if not selectors.is_telegram_on():
        return _toast(_channels(request), "warning", "This server has no Telegram bot.")
    code = linking.link_code_issue(user=_user(request))
    return _channels(request, code=code, bot_link=selectors.bot_link(code))
