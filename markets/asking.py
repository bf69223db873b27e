"""Ask the sources of one purpose in their order until one answers."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings

from markets.circuits import circuits
from markets.limits import budget_share
from markets.providers.table import PROVIDERS, code_of, off_reason
from mystic.lib.clock import now_ms
from mystic.lib.http import SourceError
from mystic.lib.provenance import may_be_live

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told[T]:
    """An answer with its source: `source` is the venue code, `latency_ms` how long it took."""

    value: T
    source: str
    is_official: bool
    received_at_ms: int
    latency_ms: float
    is_fallback: bool


class NoSource(SourceError):  # noqa: N818  the policy is the name
    """No source of the list answered; the sentence says for each why."""


class SourcePool:
    """The sources of one purpose, made when first asked; it belongs to one event loop.

    Parameters
    ----------
    providers : sequence of str
        Codes of `markets.providers.table.PROVIDERS`, the first choice first.
    env : mapping, optional
        The settings; by default those of this process.
    """

    def __init__(self, providers: Sequence[str], *, env: Mapping[str, Any] | None = None) -> None:
        self._env = settings.ENV if env is None else env
        self._providers = [PROVIDERS[code] for code in providers if code in PROVIDERS]
        self._rests: dict[str, Any] = {}

    def codes(self) -> dict[str, str]:
        """Return the venue code of each source that is on, by provider, in order."""
        return {
            one.code: code_of(one, self._env)
            for one in self._providers
            if not off_reason(one, self._env)
        }

    def off(self) -> dict[str, str]:
        """Return why the others are off, by provider."""
        reasons = {one.code: off_reason(one, self._env) for one in self._providers}
        return {code: reason for code, reason in reasons.items() if reason}

    def rest(self, provider: str) -> Any:
        """Return the REST side of a source that is on."""
        if provider not in self._rests:
            module, _, name = PROVIDERS[provider].rest.partition(":")
            rest = getattr(import_module(module), name).from_settings(self._env)
            budget_share(rest, code_of(PROVIDERS[provider], self._env))
            self._rests[provider] = rest
        return self._rests[provider]

    async def ask[T](
        self,
        operation: str,
        call: Callable[[Any], Awaitable[T]],
        *,
        only: Sequence[str] | None = None,
    ) -> Told[T]:
        """Return the first answer to `call(rest)`, trying the sources in order.

        A source whose breaker for `operation` is open is passed over without a call. `operation`
        names what is asked in general ("bars", "chain"), never an instrument.

        Raises
        ------
        NoSource
            When none answered; the sentence says for each why, and when it is tried again.
        """
        faults = [f"{code}: {reason}" for code, reason in self.off().items()]
        bug: Exception | None = None
        for position, (provider, code) in enumerate(self.codes().items()):
            if only is not None and provider not in only:
                continue
            refusal = circuits.refusal(code, operation)
            if refusal:
                faults.append(f"{provider} ({operation}): {refusal}")
                continue
            begun = time.monotonic()
            try:
                with circuits.watched(code, operation):
                    value = await call(self.rest(provider))
            except SourceError as fault:
                faults.append(f"{provider} ({operation}): {fault}")
                continue
            except Exception as fault:  # a bug of ours: the next source may answer nevertheless
                log.exception("what %s told could not be read", provider)
                bug = fault
                continue
            return Told(
                value,
                source=code,
                is_official=may_be_live(code),
                received_at_ms=now_ms(),
                latency_ms=(time.monotonic() - begun) * 1000,
                is_fallback=position > 0,
            )
        if bug is not None:
            raise bug
        raise NoSource("; ".join(faults) or "no source is configured")

    async def aclose(self) -> None:
        """Close the clients that were made."""
        for rest in self._rests.values():
            await rest.aclose()
        self._rests.clear()
