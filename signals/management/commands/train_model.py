"""`manage.py train_model`: do one waiting training in this process."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mystic.lib.bus import publish
from mystic.lib.leases import follow_parent
from signals.events import ModelTrained
from signals.models import ForecastModel
from signals.services.training import training_claim
from signals.services.training_work import training_keeper, training_work, when

NICENESS = 10


class Command(BaseCommand):
    help = "Train a model whose row waits for it; workers begin this by themselves."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model_id", type=int, help="the number of its row")
        parser.add_argument(
            "--attempt", type=int, help="given by the worker that claimed the row for this process"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        model_id, attempt = options["model_id"], options["attempt"]
        is_child = attempt is not None
        if not is_child:
            attempt = training_claim(model_id)
            if attempt is None:
                raise CommandError(
                    f"model {model_id} does not wait to be trained, or another training runs"
                )
        else:
            os.nice(NICENESS)
            follow_parent()
        with training_keeper(model_id, attempt):
            training_work(model_id, attempt)
        if is_child:
            return
        publish(ModelTrained(model_id))
        model = ForecastModel.objects.get(pk=model_id)
        if model.state != ForecastModel.State.READY:
            raise CommandError(f"{model}: {model.error}")
        self.stdout.write(
            f"{model} is ready: {model.rows} rows through {when(model.trained_through or 0)}.\n"
            f"{model.metrics['verdict']}"
        )
