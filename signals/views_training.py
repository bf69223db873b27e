"""The page on which staff ask for a model to be trained, anew, or no longer."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from markets.selectors import instruments_watched
from markets.types import TIMEFRAME_NAMES
from mystic.models import User
from signals.forms_training import TrainingForm
from signals.selectors_forecasts import models_for_pages
from signals.services.training import TrainingError, model_cancel, model_retrain, model_train

WRONG = 422


def staff_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let staff in; for everybody else the page does not exist."""

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not cast("User", request.user).is_staff:
            raise Http404
        return view(request, *args, **kwargs)

    return login_required(guarded)


@require_http_methods(["GET", "POST"])
@staff_only
def model_new(request: HttpRequest) -> HttpResponse:
    """Ask for a model of its own, or for the next version of one."""
    form = TrainingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            model = model_train(
                name=told["name"],
                asset_class=told["asset_class"],
                symbols=told["symbols"],
                timeframe=told["timeframe"],
                horizon=told["horizon"],
                features=told["features"] or None,
                retrain_days=told["retrain_days"],
                user=cast("User", request.user),
            )
        except TrainingError as fault:
            form.add_error(None, str(fault))
        else:
            messages.success(request, f"{model} waits for a worker; its progress stands here.")
            return HttpResponseRedirect(reverse("forecasts") + "#models")
    context = {
        "form": form,
        "watched": instruments_watched(),
        "timeframes": list(TIMEFRAME_NAMES.values()),
    }
    status = WRONG if form.errors else 200
    return render(request, "signals/train.html", context, status=status)


@require_POST
@staff_only
def model_act(request: HttpRequest, model_id: int) -> HttpResponse:
    """Train a model anew, or cancel its training."""
    model = get_object_or_404(models_for_pages(), pk=model_id)
    user, what = cast("User", request.user), request.POST.get("do", "")
    if what == "cancel":
        is_done = model_cancel(model=model, actor=user.username)
        said = (
            f"The training of {model} is cancelled." if is_done else f"{model} is not in training."
        )
        messages.info(request, said)
    elif what == "retrain":
        try:
            messages.success(
                request, f"{model_retrain(model=model, user=user)} waits for a worker."
            )
        except TrainingError as fault:
            messages.error(request, str(fault))
    else:
        raise Http404
    return HttpResponseRedirect(reverse("forecasts") + "#models")
