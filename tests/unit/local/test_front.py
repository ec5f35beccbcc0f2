"""Where the global endpoint sends a request, with regions that are played by the test."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.front import Front, forwarded_headers
from infra.local.messages import BAD_GATEWAY, SERVICE_UNAVAILABLE, HttpRequest, HttpResponse
from infra.local.ranking import FRESH_SECONDS, MOST_PLACES, Place, Rankings, place_of
from infra.local.upstream import Broken, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from pathlib import Path

HOME = Place(38.9, -77.5)


class Region:
    """
    Plays a region.

    Attributes:
        ranking: what its geo_route answers; None for 404.
        answer: the whole body of that answer, in place of one with a ranking.
        fault: raised instead of an answer to anything but a question for a route; ``asked_fault`` to that.
    """

    def __init__(self, code: str, ranking: Iterable[str] | None = None) -> None:
        self.code = code
        self.ranking = ranking
        self.fault: Exception | None = None
        self.asked_fault: Exception | None = None
        self.asked: list[dict[str, Any]] = []
        self.keys: list[bytes] = []
        self.answer: bytes | None = None
        self.hangs = False

    async def send(self, request: HttpRequest, headers: Iterable[tuple[bytes, bytes]]) -> HttpResponse:
        if request.target == b"/api/geo/route":
            self.asked.append(json.loads(request.body))
            self.keys += [value for name, value in headers if name == b"x-api-key"]
            if self.hangs:
                await asyncio.Event().wait()
            if self.asked_fault is not None:
                raise self.asked_fault
            if self.answer is not None:
                return HttpResponse(200, (), self.answer)
            if self.ranking is None:
                return HttpResponse(404)
            ranking = [{"region": code} for code in self.ranking]
            return HttpResponse(200, (), json.dumps({"ranking": ranking}).encode())
        if self.fault is not None:
            raise self.fault
        return HttpResponse(200, (), self.code.encode())


class World:
    """Three regions and the endpoint in front of them."""

    def __init__(self, *, key_path: Path | None = None) -> None:
        self.regions = {code: Region(code) for code in ("iad1", "sfo1", "cdg1")}
        self.rankings = Rankings(self.regions, key_path=key_path)  # type: ignore[arg-type]
        self.front = Front(self.regions, self.rankings, default_place=HOME)  # type: ignore[arg-type]

    def rank(self, *codes: str) -> None:
        for region in self.regions.values():
            region.ranking = codes

    async def get(self, *headers: tuple[bytes, bytes], method: str = "GET") -> HttpResponse:
        return await self.front.handle(HttpRequest(method, b"/x", headers, b"", "127.0.0.1", 8000))


def run(play: Callable[[World], Coroutine[Any, Any, None]], **given: Any) -> None:
    """Play in a loop whose clock the test moves, by replacing what ``loop.time`` says."""

    async def main() -> None:
        await play(World(**given))

    asyncio.run(main())


def later(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]


def test_first_of_the_ranking_gets_the_request() -> None:
    async def play(world: World) -> None:
        world.rank("cdg1", "iad1", "sfo1")
        assert (await world.get()).body == b"cdg1"
        assert world.regions["iad1"].asked == [{"latitude": 38.9, "longitude": -77.5}]

    run(play)


def test_without_any_answer_the_catalogue_decides() -> None:
    async def play(world: World) -> None:
        assert (await world.get()).body == b"iad1"
        assert all(region.asked for region in world.regions.values())

    run(play)


def test_region_that_refuses_is_passed_over_at_once() -> None:
    async def play(world: World) -> None:
        world.regions["iad1"].fault = Refused()
        assert (await world.get(method="POST")).body == b"sfo1"
        for region in world.regions.values():
            region.fault = Refused()
        assert await world.get() == SERVICE_UNAVAILABLE

    run(play)


def test_request_that_may_have_been_executed_is_repeated_only_where_it_is_safe() -> None:
    async def play(world: World) -> None:
        world.regions["iad1"].fault = Broken()
        assert (await world.get()).body == b"sfo1"
        assert await world.get(method="POST") == BAD_GATEWAY
        assert await world.get(method="DELETE") == BAD_GATEWAY
        for region in world.regions.values():
            region.fault = Broken()
        assert await world.get() == BAD_GATEWAY

    run(play)


def test_ranking_is_renewed_beside_the_requests() -> None:
    async def play(world: World) -> None:
        world.rank("iad1", "sfo1", "cdg1")
        await world.get()
        world.rank("sfo1", "cdg1", "iad1")
        assert (await world.get()).body == b"iad1"  # still fresh: nobody was asked
        assert len(world.regions["iad1"].asked) == 1
        later(FRESH_SECONDS * 2)
        assert (await world.get()).body == b"iad1"  # it does not wait for the answer that it starts
        await asyncio.sleep(0)
        assert (await world.get()).body == b"sfo1"

    run(play)


def test_first_clients_of_a_place_share_one_question() -> None:
    async def play(world: World) -> None:
        world.rank("cdg1")
        answers = await asyncio.gather(*[world.get() for _ in range(20)])
        assert {answer.body for answer in answers} == {b"cdg1"}
        assert len(world.regions["iad1"].asked) == 1

    run(play)


@pytest.mark.parametrize("fault", [Refused(), Broken()])
def test_another_region_is_asked_and_is_asked_first_from_then_on(fault: Exception) -> None:
    async def play(world: World) -> None:
        world.rank("cdg1", "sfo1", "iad1")
        world.regions["iad1"].asked_fault = fault
        assert (await world.get()).body == b"cdg1"
        later(FRESH_SECONDS * 2)
        await world.get()
        await asyncio.sleep(0)
        assert len(world.regions["iad1"].asked) == 1
        assert len(world.regions["sfo1"].asked) == 2

    run(play)


def test_region_that_hangs_holds_up_a_question_for_a_second() -> None:
    async def play(world: World) -> None:
        world.rank("cdg1")
        world.regions["iad1"].hangs = True
        asking = asyncio.create_task(world.get())
        await asyncio.sleep(0)
        later(1.5)
        assert (await asyncio.wait_for(asking, 5)).body == b"cdg1"

    run(play)


def test_last_ranking_stays_in_use_while_no_region_answers() -> None:
    async def play(world: World) -> None:
        world.rank("cdg1", "sfo1", "iad1")
        await world.get()
        for region in world.regions.values():
            region.asked_fault = Refused()
        for _ in range(3):
            later(FRESH_SECONDS * 2)
            assert (await world.get()).body == b"cdg1"
            await asyncio.sleep(0)

    run(play)


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"{}", b'{"ranking":[]}', b'{"ranking":[{"region":"mars1"}]}', b'{"ranking":7}', b"\xff"],
)
def test_answer_that_is_no_ranking_is_no_answer(answer: bytes) -> None:
    async def play(world: World) -> None:
        world.rank("cdg1")
        world.regions["iad1"].answer = answer
        assert await world.rankings.order(HOME) == ("cdg1", "iad1", "sfo1")

    run(play)


def test_region_that_the_ranking_leaves_out_comes_last() -> None:
    async def play(world: World) -> None:
        world.rank("cdg1")
        assert await world.rankings.order(HOME) == ("cdg1", "iad1", "sfo1")

    run(play)


def test_places_have_rankings_of_their_own_and_are_not_kept_for_ever() -> None:
    async def play(world: World) -> None:
        world.rank("sfo1", "iad1", "cdg1")
        for number in range(MOST_PLACES + 10):
            latitude = b"%.1f" % (number / 10)
            await world.get((b"cloudfront-viewer-latitude", latitude), (b"cloudfront-viewer-longitude", b"2"))
        assert len(world.regions["iad1"].asked) == MOST_PLACES + 10
        assert len(world.rankings._known) == MOST_PLACES

    run(play)


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        (b"48.85", b"2.35", Place(48.9, 2.4)),
        (b"90", b"-180", Place(90.0, -180.0)),
        (b"91", b"0", HOME),
        (b"0", b"181", HOME),
        (b"nan", b"0", HOME),
        (b"0", b"inf", HOME),
        (b"x", b"0", HOME),
        (b"", b"", HOME),
    ],
)
def test_client_may_say_where_it_is(latitude: bytes, longitude: bytes, place: Place) -> None:
    headers = ((b"cloudfront-viewer-latitude", latitude), (b"cloudfront-viewer-longitude", longitude))
    assert place_of(HttpRequest("GET", b"/", headers, b"", "127.0.0.1", 1), HOME) == place
    assert place_of(HttpRequest("GET", b"/", headers[:1], b"", "127.0.0.1", 1), HOME) == HOME


def test_regions_are_asked_with_the_key_as_soon_as_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "key"

    async def play(world: World) -> None:
        world.rank("iad1")
        await world.get()
        path.write_text("ek_dev_1\n", "ascii")
        later(FRESH_SECONDS * 2)
        await world.get()
        await asyncio.sleep(0)
        assert world.regions["iad1"].keys == [b"ek_dev_1"]

    run(play, key_path=path)


def test_forwarded_request_names_its_client_last_and_loses_framing() -> None:
    headers = (
        (b"host", b"h"),
        (b"connection", b"close"),
        (b"content-length", b"4"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
    )
    forwarded = forwarded_headers(HttpRequest("POST", b"/", headers, b"body", "127.0.0.1", 8000))
    assert forwarded == [
        (b"host", b"h"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"x-forwarded-for", b"10.0.0.1, 127.0.0.1"),
    ]
