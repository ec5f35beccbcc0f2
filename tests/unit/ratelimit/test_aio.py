"""The limiter awaited: the loop goes on, calls are bounded, and a cancelled check is charged once or not at all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest

from edge.clock import ManualClock
from edge.problems import DependencyUnavailable
from edge.ratelimit.aio import AsyncLimiter
from edge.ratelimit.decisions import Charge
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.tiers import TIERS, make_tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.ratelimit.decisions import Verdict
    from edge.ratelimit.tiers import Tier

HUNDRED = make_tier("hundred", limit=100, window_ms=60_000)
PATIENCE_SECONDS = 10


def memory_limiter() -> Limiter:
    clock = ManualClock(now_ms=1_795_179_600_000)
    return Limiter(MemoryStore(clock), clock)


class HeldLimiter:
    """Checks wait at a gate that the test opens, first before and then, again, after they charge."""

    def __init__(self) -> None:
        self.limiter = memory_limiter()
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.running = 0
        self.most_running = 0
        self._counting = threading.Lock()

    def check_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        with self._counting:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        self.entered.release()
        assert self.gate.wait(PATIENCE_SECONDS)
        try:
            return self.limiter.check_all(subject, charges)
        finally:
            with self._counting:
                self.running -= 1

    def peek_all(self, subject: str, charges: Sequence[Charge]) -> Verdict:
        return self.limiter.peek_all(subject, charges)

    def refund(self, subject: str, tier: Tier, *, cost: int, admitted_at_ms: int) -> bool:
        return self.limiter.refund(subject, tier, cost=cost, admitted_at_ms=admitted_at_ms)

    def reset(self, subject: str, tier: Tier) -> None:
        self.limiter.reset(subject, tier)

    def remaining(self, subject: str = "s") -> int:
        return self.limiter.peek(subject, HUNDRED).remaining

    async def wait_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.acquire, timeout=PATIENCE_SECONDS)


class GoneLimiter:
    """Every store call fails."""

    def check_all(self, *_: object, **__: object) -> Verdict:
        raise DependencyUnavailable(1)

    def refund(self, *_: object, **__: object) -> bool:
        raise DependencyUnavailable(1)

    def reset(self, *_: object, **__: object) -> None:
        raise DependencyUnavailable(1)

    peek_all = check_all


def test_answers_are_those_of_the_limiter_below() -> None:
    async def main() -> list[tuple[bool, int]]:
        async with AsyncLimiter(memory_limiter()) as limiter:
            decisions = [
                await limiter.check("s", TIERS["strict"], cost=4),
                await limiter.check("s", TIERS["strict"], cost=6),
                await limiter.check("s", TIERS["strict"]),
                await limiter.peek("s", TIERS["strict"]),
                await limiter.peek("other", TIERS["strict"], cost=10),
            ]
            return [(decision.allowed, decision.remaining) for decision in decisions]

    assert asyncio.run(main()) == [(True, 6), (True, 0), (False, 0), (False, 0), (True, 10)]


def test_three_hundred_tasks_are_admitted_exactly_to_the_limit() -> None:
    async def main() -> int:
        async with AsyncLimiter(memory_limiter(), max_concurrency=8) as limiter:
            decisions = await asyncio.gather(*(limiter.check("s", HUNDRED) for _ in range(300)))
            return sum(decision.allowed for decision in decisions)

    assert asyncio.run(main()) == 100


def test_loop_goes_on_while_checks_wait_and_no_more_run_at_once_than_allowed() -> None:
    async def main() -> None:
        held = HeldLimiter()
        async with AsyncLimiter(held, max_concurrency=3) as limiter:
            checks = [asyncio.ensure_future(limiter.check("s", HUNDRED)) for _ in range(12)]
            for _ in range(3):
                await held.wait_entered()
            assert not any(check.done() for check in checks)
            held.gate.set()
            assert all(decision.allowed for decision in await asyncio.gather(*checks))
        assert held.most_running == 3
        assert held.remaining() == 88

    asyncio.run(main())


def test_store_that_hangs_does_not_take_the_threads_of_others() -> None:
    async def main() -> None:
        held = HeldLimiter()
        async with AsyncLimiter(held, max_concurrency=40) as limiter:
            checks = [asyncio.ensure_future(limiter.check("s", HUNDRED)) for _ in range(40)]
            for _ in range(40):
                await held.wait_entered()
            # 40 is more than the default executor has; if it were used, this would wait for ever.
            assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), PATIENCE_SECONDS) == "free"
            held.gate.set()
            await asyncio.gather(*checks)

    asyncio.run(main())


class TestCancellation:
    """Either it was never made, or it was made once and is counted."""

    def test_check_cancelled_before_its_turn_is_never_made(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            held = HeldLimiter()
            async with AsyncLimiter(held, max_concurrency=1) as limiter:
                first = asyncio.ensure_future(limiter.check("s", HUNDRED, cost=10))
                await held.wait_entered()
                waiting = asyncio.ensure_future(limiter.check("s", HUNDRED, cost=50))
                await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                held.gate.set()
                await first
                assert limiter.abandoned_units == 0
            assert held.remaining() == 90

        asyncio.run(main())
        assert not caplog.records, "an executor logs what a callback raises"

    def test_check_cancelled_under_way_is_charged_once_and_counted(self) -> None:
        async def main() -> None:
            held = HeldLimiter()
            async with AsyncLimiter(held) as limiter:
                check = asyncio.ensure_future(limiter.check("s", HUNDRED, cost=7))
                await held.wait_entered()
                check.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await check
                assert limiter.abandoned_units == 0, "not decided yet"
                held.gate.set()
            assert limiter.abandoned_units == 7
            assert held.remaining() == 93

        asyncio.run(main())

    def test_timeout_around_a_check_is_a_cancellation(self) -> None:
        async def main() -> None:
            held = HeldLimiter()
            async with AsyncLimiter(held) as limiter:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0):
                        await limiter.check("s", HUNDRED)
                held.gate.set()
            # Whether the thread had begun is chance; that count and charge agree is not.
            assert limiter.abandoned_units == 100 - held.remaining()

        asyncio.run(main())

    def test_denial_and_failure_abandon_nothing(self) -> None:
        async def main() -> None:
            held = HeldLimiter()
            held.limiter.check("s", HUNDRED, cost=100)
            async with AsyncLimiter(held) as limiter:
                check = asyncio.ensure_future(limiter.check("s", HUNDRED))
                await held.wait_entered()
                check.cancel()
                held.gate.set()
                with pytest.raises(asyncio.CancelledError):
                    await check
            assert limiter.abandoned_units == 0

        asyncio.run(main())

    @pytest.mark.parametrize("seed", range(4))
    def test_storm_of_cancellations_neither_loses_nor_doubles_a_charge(self, seed: int) -> None:
        async def main() -> None:
            below = memory_limiter()
            tier = make_tier("large", limit=100_000, window_ms=60_000)
            answered = 0
            async with AsyncLimiter(below, max_concurrency=2) as limiter:
                checks = [asyncio.ensure_future(limiter.check("s", tier)) for _ in range(400)]
                for index, check in enumerate(checks):
                    if index % 7 == seed:
                        await asyncio.sleep(0)
                    if index % 3:
                        check.cancel()
                for outcome in await asyncio.gather(*checks, return_exceptions=True):
                    answered += not isinstance(outcome, BaseException)
            charged = tier.window.limit - below.peek("s", tier).remaining

            assert charged == answered + limiter.abandoned_units

        asyncio.run(main())


class TestFailures:
    """What the limiter raises comes out of the await."""

    def test_store_that_is_gone_is_told(self) -> None:
        async def main() -> None:
            async with AsyncLimiter(GoneLimiter()) as limiter:
                with pytest.raises(DependencyUnavailable):
                    await limiter.check("s", HUNDRED)
                with pytest.raises(DependencyUnavailable):
                    await limiter.peek("s", HUNDRED)

        asyncio.run(main())

    def test_cost_that_can_never_fit_is_told(self) -> None:
        async def main() -> None:
            async with AsyncLimiter(memory_limiter()) as limiter:
                with pytest.raises(ValueError, match="cost"):
                    await limiter.check("s", HUNDRED, cost=101)

        asyncio.run(main())

    def test_closed_limiter_takes_no_call(self) -> None:
        async def main() -> None:
            limiter = AsyncLimiter(memory_limiter())
            await limiter.check("s", HUNDRED)
            await limiter.aclose()
            await limiter.aclose()
            with pytest.raises(RuntimeError):
                await limiter.check("s", HUNDRED)

        asyncio.run(main())
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("ratelimit")]

    def test_close_waits_for_checks_under_way(self) -> None:
        async def main() -> None:
            held = HeldLimiter()
            limiter = AsyncLimiter(held)
            check = asyncio.ensure_future(limiter.check("s", HUNDRED))
            await held.wait_entered()
            closing = asyncio.ensure_future(limiter.aclose())
            await asyncio.sleep(0)
            assert not closing.done()
            held.gate.set()
            await closing
            assert (await check).allowed

        asyncio.run(main())


def test_one_limiter_serves_one_loop_after_another() -> None:
    limiter = AsyncLimiter(memory_limiter(), max_concurrency=1)

    async def flood() -> int:
        decisions = await asyncio.gather(*(limiter.check("s", HUNDRED) for _ in range(60)))
        return sum(decision.allowed for decision in decisions)

    assert [asyncio.run(flood()), asyncio.run(flood())] == [60, 40]
    asyncio.run(limiter.aclose())


def test_context_of_the_request_reaches_the_thread() -> None:
    request_id: ContextVar[str] = ContextVar("request_id")
    seen: list[str] = []

    class Seeing(GoneLimiter):
        def check_all(self, *_: object, **__: object) -> Verdict:
            seen.append(request_id.get())
            return super().check_all()

    async def main() -> None:
        request_id.set("r-1")
        async with AsyncLimiter(Seeing()) as limiter:
            with pytest.raises(DependencyUnavailable):
                await limiter.check("s", HUNDRED)

    asyncio.run(main())
    assert seen == ["r-1"]


def test_importing_the_limiter_imports_none_of_its_faces() -> None:
    script = "import sys, edge.ratelimit.limiter; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": "shared"},
        cwd=__file__.partition("/tests/")[0],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    faces = {"access", "aio", "asgi", "cached_access", "checks", "dependency", "gate", "networks", "problems"}

    assert not {f"edge.ratelimit.{face}" for face in faces} & set(done.stdout.split())
    assert not {"asyncio", "starlette", "ipaddress"} & set(done.stdout.split())


def test_several_charges_refund_and_reset_are_awaited_too() -> None:
    async def main() -> list[int]:
        async with AsyncLimiter(memory_limiter()) as limiter:
            charges = [Charge(TIERS["strict"], 4), Charge(HUNDRED, 4)]
            verdict = await limiter.check_all("s", charges)
            left = [(await limiter.peek("s", HUNDRED)).remaining]
            at_ms = verdict.decisions[1].decided_at_ms
            assert await limiter.refund("s", HUNDRED, cost=4, admitted_at_ms=at_ms)
            assert not await limiter.refund("s", HUNDRED, cost=4, admitted_at_ms=at_ms)
            await limiter.reset("s", TIERS["strict"])
            seen = await limiter.peek_all("s", charges)
            return left + [decision.remaining for decision in seen.decisions]

    assert asyncio.run(main()) == [96, 10, 100]
