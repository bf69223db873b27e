"""The API of several strategies in one portfolio."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from mystic.lib.api import ApiView, StrictInteger, StrictSerializer, StrictText, envelope
from mystic.lib.api_schema import describe
from mystic.lib.problems import Problem, error
from mystic.models import User
from signals.models import Strategy
from signals.selectors_rules import seen_by
from trading.api_backtests import ONE, TAG, moment, run_detail
from trading.services.combinations import FEWEST, MOST, PartAsked, combination_start
from trading.services.research_errors import ResearchError


@extend_schema_serializer(component_name="CombinationPart")
class PartInput(StrictSerializer):
    strategy = StrictInteger(help_text="id of a strategy that you may see")
    symbols = serializers.ListField(child=StrictText(max_length=80), allow_empty=False)
    params = serializers.DictField(default=dict)


@extend_schema_serializer(component_name="CombinationInput")
class CombinationInput(StrictSerializer):
    """Strategies that share one account; each decides on its own symbols and timeframe."""

    parts = serializers.ListField(child=PartInput(), min_length=FEWEST, max_length=MOST)
    through = StrictText(help_text="the last bar decided on, ISO 8601 with a zone or epoch seconds")
    assumptions = serializers.DictField(default=dict, help_text="docs/backtesting.md")
    name = StrictText(default="", allow_blank=True, max_length=80)

    def get_fields(self) -> dict[str, Any]:
        told = "the first bar decided on, ISO 8601 with a zone or epoch seconds"
        return {**super().get_fields(), "from": StrictText(help_text=told)}


class BacktestCombined(ApiView):
    @describe(
        "backtest_combine",
        ONE,
        tag=TAG,
        request=CombinationInput,
        status=202,
        problems=(404, 413, 415, 422),
    )
    def post(self, request: Request) -> Response:
        """Ask for several strategies in one portfolio; its report has a `combination`."""
        given, user = self.validated(CombinationInput, request), _user(request)
        try:
            run = combination_start(
                user=user,
                parts=[_part(user, number, one) for number, one in enumerate(given["parts"])],
                from_open=moment(given["from"], "from"),
                through_open=moment(given["through"], "through"),
                assumptions=given["assumptions"],
                name=given["name"],
            )
        except ResearchError as fault:
            raise _refused(fault) from None
        return self.answer(envelope(run_detail(run)), status=202)


def _part(user: User, number: int, given: dict[str, Any]) -> PartAsked:
    row = Strategy.objects.filter(seen_by(user), pk=given["strategy"]).first()
    if row is None:
        raise ResearchError("There is no such strategy.", f"/parts/{number}/strategy")
    return PartAsked(row, given["symbols"], given["params"])


def _user(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101  the permission let nobody else in
    return request.user


def _refused(fault: ResearchError) -> Problem:
    place = fault.place.replace("_open", "")
    errors = [error(place, "research_refused", str(fault))]
    return Problem(422, "research_refused", str(fault), errors=errors)
