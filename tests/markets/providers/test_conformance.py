"""Every REST adapter meets the same faults; `conformance.py` says how an adapter joins."""

import asyncio
import importlib
import pkgutil
from contextlib import suppress
from pathlib import Path

import pytest

from mystic.lib.http import Malformed, RateLimited
from tests.markets.providers.conformance import (
    BROKEN,
    HOLLOW,
    PATIENT_S,
    REFUSALS,
    healthy_body,
)

pytestmark = pytest.mark.asyncio
FOLDER = Path(__file__).parent / "cases"
JOINED = [
    importlib.import_module(f"tests.markets.providers.cases.{found.name}").CASES
    for found in pkgutil.iter_modules([str(FOLDER)])
]
CASES = [case for cases in JOINED for case in cases]


@pytest.fixture(params=CASES, ids=[case.name for case in CASES])
def case(request):
    return request.param


@pytest.fixture(params=[cases[0] for cases in JOINED], ids=[cases[0].name for cases in JOINED])
def first(request):
    """One request of each adapter: what happens on the way is the same for all of them."""
    return request.param


async def attempt(case, server, patience_s=PATIENT_S):
    rest = case.make(server.rest_url, patience_s)
    try:
        async with asyncio.timeout(30):
            return await case.ask(rest)
    finally:
        await rest.aclose()


async def test_a_healthy_answer_has_values(case):
    async with case.server() as server:
        value, _ = await healthy_body(case, server)
        assert value


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        (
            {
                "Date": "Fri, 20 Nov 2026 08:00:00 GMT",
                "Retry-After": "Fri, 20 Nov 2026 08:01:30 GMT",
            },
            90.0,
        ),
        ({}, None),
    ],
    ids=["seconds", "date", "no hint"],
)
@pytest.mark.parametrize("status", [429, 418])
async def test_too_many_requests_silence_the_adapter(first, status, headers, seconds):
    case = first
    async with case.server() as server:
        server.fail(case.path, status=status, headers=headers)
        rest = case.make(server.rest_url, PATIENT_S)
        try:
            with pytest.raises(RateLimited) as told:
                await case.ask(rest)
            assert told.value.retry_after_s == seconds
            assert told.value.is_ban is (status == 418)
            count = len(server.requests)
            with pytest.raises(RateLimited):
                await case.ask(rest)
            assert len(server.asked(case.path)) == 1
            assert len(server.requests) == count
        finally:
            await rest.aclose()


@pytest.mark.parametrize("expected", [*REFUSALS, *BROKEN], ids=lambda one: one.name)
async def test_a_fault_has_its_name_and_its_tries(first, expected):
    case = first
    if expected.name in case.without:
        pytest.skip("does not hold for this adapter")
    async with case.server() as server:
        body = None
        if expected.makes is not None:
            _, good = await healthy_body(case, server)
            body = expected.makes(good)
        server.fail(case.path, expected.kind, status=expected.status, body=body)
        error = case.statuses.get(expected.status, expected.error)
        with pytest.raises(error):
            await attempt(case, server, expected.patience_s)
        if expected.tries is not None:
            assert len(server.asked(case.path)) == expected.tries


async def test_a_fault_that_passes_costs_one_more_try(first):
    case = first
    if "one more try" in case.without:
        pytest.skip("does not hold for this adapter")
    async with case.server() as server:
        good, _ = await healthy_body(case, server)
        server.fail(case.path, status=500, times=1)
        assert await attempt(case, server) == good
        assert len(server.asked(case.path)) == 2


@pytest.mark.parametrize("shape", HOLLOW)
async def test_another_shape_is_an_error_or_nothing(case, shape):
    if shape in case.without:
        pytest.skip("does not hold for this adapter")
    async with case.server() as server:
        _, good = await healthy_body(case, server)
        server.fail(case.path, body=HOLLOW[shape](good))
        value = None
        with suppress(Malformed):
            value = await attempt(case, server)
        assert not value, f"{shape} became {value!r}"
