"""The decision: laws that hold for every client, what beats what, and what happens when regions are unfit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geo.cells import Average, LearnedCells
from edge.geo.decisions import NEAR_TIE_MS, Decision, Status
from edge.geo.locations import Location
from edge.geo.router import Router
from edge.regions import CDG1, DEPLOYED, GRU1, HND1, IAD1, ROUTABLE, SFO1, SIN1, Region

NOW_MS = 2_000_000_000_000
CODES = [region.code for region in ROUTABLE]
STATUSES: list[Status] = ["healthy", "degraded", "unhealthy", "draining", "unknown"]

LOCATIONS = st.none() | st.builds(Location, st.floats(-90, 90), st.floats(-180, 180), st.just("body"))
MEASUREMENTS = st.dictionaries(st.sampled_from(CODES), st.floats(0, 5_000), max_size=6)
CONDITIONS = st.dictionaries(st.sampled_from(CODES), st.sampled_from(STATUSES), max_size=6)
PENALTIES = st.dictionaries(st.sampled_from(CODES), st.floats(-500, 500), max_size=6)

BERLIN = Location(52.52, 13.41, "body")
NEW_YORK = Location(40.71, -74.01, "body")
REYKJAVIK = Location(64.14, -21.90, "body")
MID_US = Location(39.0, -102.0, "body")
"""West of the middle between Virginia and California, and within 15 ms of it."""


def codes(decision: Decision) -> list[str]:
    return [ranked.region.code for ranked in decision.ranking]


def decide(
    location: Location | None,
    *,
    regions: tuple[Region, ...] = DEPLOYED,
    statuses: dict[str, Status] | None = None,
    measurements: dict[str, float] | None = None,
    exclude: tuple[str, ...] = (),
    spread_key: str | None = None,
    statuses_believed: bool = True,
    penalties_ms: dict[str, float] | None = None,
    cells: LearnedCells | None = None,
) -> Decision:
    return Router(regions, penalties_ms=penalties_ms, cells=cells).decide(
        location,
        now_ms=NOW_MS,
        statuses=statuses or {},
        measurements=measurements,
        exclude=exclude,
        spread_key=spread_key,
        statuses_believed=statuses_believed,
    )


def taught(location: Location, ms: dict[Region, float], *, samples: int = 100) -> LearnedCells:
    cells = LearnedCells()
    for region, one_ms in ms.items():
        for _ in range(samples):
            cells.observe(location, region, one_ms, now_ms=NOW_MS)
    return cells


class TestLaws:
    @given(LOCATIONS, MEASUREMENTS, CONDITIONS, PENALTIES, st.text(max_size=3) | st.none())
    def test_ranking_is_a_permutation_of_the_candidates(
        self,
        location: Location | None,
        measurements: dict[str, float],
        statuses: dict[str, Status],
        penalties: dict[str, float],
        key: str | None,
    ) -> None:
        decision = decide(
            location, regions=ROUTABLE, statuses=statuses, measurements=measurements,
            penalties_ms=penalties, spread_key=key,
        )  # fmt: skip

        assert sorted(codes(decision)) == sorted(CODES)
        assert all(
            ranked.status == statuses.get(ranked.region.code, "unknown") for ranked in decision.ranking
        )
        serving = [statuses.get(code) not in ("unhealthy", "draining") for code in codes(decision)]
        assert serving == sorted(serving, reverse=True), "those that serve come first"
        assert (decision.mode == "fail-open") == (not any(serving))

    @given(LOCATIONS, MEASUREMENTS, CONDITIONS, PENALTIES, st.sampled_from(CODES))
    def test_taking_a_region_away_never_reorders_the_others(
        self,
        location: Location | None,
        measurements: dict[str, float],
        statuses: dict[str, Status],
        penalties: dict[str, float],
        gone: str,
    ) -> None:
        whole = decide(
            location, regions=ROUTABLE, statuses=statuses, measurements=measurements, penalties_ms=penalties
        )
        rest = [code for code in codes(whole) if code != gone]
        excluded = decide(
            location, regions=ROUTABLE, statuses=statuses, measurements=measurements, penalties_ms=penalties,
            exclude=(gone,),
        )  # fmt: skip
        never_there = decide(
            location, regions=tuple(region for region in ROUTABLE if region.code != gone), statuses=statuses,
            measurements=measurements, penalties_ms=penalties,
        )  # fmt: skip

        assert codes(excluded) == codes(never_there) == rest

    @given(LOCATIONS, MEASUREMENTS, CONDITIONS, st.sampled_from(CODES), st.floats(0, 1), st.floats(0, 5_000))
    def test_a_lower_measurement_never_ranks_a_region_worse(
        self,
        location: Location | None,
        measurements: dict[str, float],
        statuses: dict[str, Status],
        code: str,
        share: float,
        ms: float,
    ) -> None:
        slow = {**measurements, code: ms}
        fast = {**measurements, code: ms * share}
        before = decide(location, regions=ROUTABLE, statuses=statuses, measurements=slow)
        after = decide(location, regions=ROUTABLE, statuses=statuses, measurements=fast)

        assert codes(after).index(code) <= codes(before).index(code)

    @given(st.floats(1, 2_000), st.floats(0, 1), st.sampled_from(ROUTABLE))
    def test_a_lower_learned_average_never_ranks_a_region_worse(
        self, ms: float, share: float, region: Region
    ) -> None:
        before = decide(BERLIN, regions=ROUTABLE, cells=taught(BERLIN, {region: ms}, samples=25))
        after = decide(BERLIN, regions=ROUTABLE, cells=taught(BERLIN, {region: ms * share}, samples=25))

        assert codes(after).index(region.code) <= codes(before).index(region.code)

    @given(LOCATIONS, MEASUREMENTS, CONDITIONS)
    def test_ambiguous_means_that_the_next_is_within_fifteen_ms(
        self, location: Location | None, measurements: dict[str, float], statuses: dict[str, Status]
    ) -> None:
        decision = decide(location, measurements=measurements, statuses=statuses)
        first, second = decision.ranking[:2]
        alike = (first.status in ("unhealthy", "draining")) == (second.status in ("unhealthy", "draining"))
        if (
            decision.method != "default"
            and alike
            and {first.status, second.status} != {"unhealthy", "draining"}
        ):
            close = second.cost_ms - first.cost_ms <= NEAR_TIE_MS
            assert (decision.confidence == "ambiguous") == close

    @pytest.mark.parametrize("latitude", [-90.0, 90.0])
    def test_at_a_pole_every_longitude_gets_the_same_order(self, latitude: float) -> None:
        orders = {
            tuple(codes(decide(Location(latitude, east, "body"), regions=ROUTABLE)))
            for east in (-180.0, -77.0, 0.0, 103.5, 179.9)
        }

        assert len(orders) == 1

    @given(st.floats(-90, 90))
    def test_both_names_of_the_antimeridian_get_the_same_distances(self, latitude: float) -> None:
        west, east = (decide(Location(latitude, degrees, "body")) for degrees in (-180.0, 180.0))

        for a, b in zip(
            sorted(west.ranking, key=lambda ranked: ranked.region.code),
            sorted(east.ranking, key=lambda ranked: ranked.region.code),
            strict=True,
        ):
            assert a.distance_km == pytest.approx(b.distance_km)


class TestWhatBeatsWhat:
    def test_nearest_by_distance(self) -> None:
        decision = decide(BERLIN)

        assert codes(decision) == ["cdg1", "iad1", "hnd1", "sfo1"]
        assert decision.best.distance_km == pytest.approx(852, abs=5)
        assert decision.best.latency_ms == pytest.approx(9.6 + 0.0162 * 852, abs=0.1)
        assert (decision.method, decision.reason, decision.confidence, decision.mode) == (
            "haversine", "nearest", "clear", "normal",
        )  # fmt: skip

    def test_cables_overrule_distance(self) -> None:
        cape_town = Location(-33.93, 18.42, "body")
        decision = decide(cape_town, regions=ROUTABLE)

        assert decision.best.region is CDG1
        assert (decision.method, decision.reason) == ("model", "shorter_by_cable")
        nearest = min(decision.ranking, key=lambda ranked: ranked.distance_km or 0.0)
        assert nearest.region is GRU1

    def test_client_measurements_overrule_the_map(self) -> None:
        decision = decide(BERLIN, measurements={"cdg1": 230.0, "hnd1": 8.0})

        assert decision.best.region is HND1
        assert (decision.method, decision.reason) == ("measured", "measured_by_client")
        assert decision.best.latency_ms == pytest.approx(0.8 * 8 + 0.2 * (9.6 + 0.0162 * 8933), abs=1)

    def test_a_client_measurement_of_the_nearest_is_still_the_nearest(self) -> None:
        decision = decide(BERLIN, measurements={"cdg1": 18.0})

        assert (decision.best.region, decision.method, decision.reason) == (CDG1, "measured", "nearest")

    def test_measurement_of_a_region_that_is_no_candidate_changes_nothing(self) -> None:
        assert decide(BERLIN, measurements={"sin1": 0.0}) == decide(BERLIN)

    def test_huge_measurements_are_all_the_same(self) -> None:
        assert codes(decide(BERLIN, measurements={"cdg1": 60_000.0})) == codes(
            decide(BERLIN, measurements={"cdg1": 2_000.0})
        )

    def test_learned_averages_overrule_by_a_margin_only(self) -> None:
        model_ms = {ranked.region: ranked.latency_ms or 0.0 for ranked in decide(MID_US).ranking}
        gap_ms = model_ms[IAD1] - model_ms[SFO1]
        assert 0 < gap_ms < NEAR_TIE_MS

        a_little = decide(MID_US, cells=taught(MID_US, {SFO1: model_ms[SFO1] + gap_ms + 5}))
        a_lot = decide(MID_US, cells=taught(MID_US, {SFO1: model_ms[SFO1] + gap_ms + 15}))

        assert a_little.best.region is SFO1
        assert a_lot.best.region is IAD1
        assert (a_lot.method, a_lot.reason) == ("measured", "learned_from_clients")

    def test_too_few_or_too_old_samples_teach_nothing(self) -> None:
        far = {CDG1: 900.0}

        assert decide(BERLIN, cells=taught(BERLIN, far, samples=20)).best.region is not CDG1
        assert decide(BERLIN, cells=taught(BERLIN, far, samples=19)) == decide(BERLIN)
        faded = Router(DEPLOYED, cells=taught(BERLIN, far, samples=20)).decide(
            BERLIN, now_ms=NOW_MS + 3_600_000, statuses={}
        )
        assert faded == decide(BERLIN)

    def test_what_was_learned_elsewhere_does_not_count(self) -> None:
        assert decide(BERLIN, cells=taught(NEW_YORK, {CDG1: 900.0})) == decide(BERLIN)

    def test_client_outweighs_what_was_learned(self) -> None:
        decision = decide(
            BERLIN, cells=taught(BERLIN, {CDG1: 20.0, IAD1: 90.0}), measurements={"cdg1": 300.0, "iad1": 80.0}
        )

        assert (decision.best.region, decision.reason) == (IAD1, "measured_by_client")

    def test_operator_can_push_a_region_away_and_the_latency_told_stays_true(self) -> None:
        decision = decide(BERLIN, penalties_ms={"cdg1": 400.0})

        assert (decision.best.region, decision.method, decision.reason) == (IAD1, "model", "penalty")
        told = {ranked.region: ranked.latency_ms for ranked in decision.ranking}
        assert told == {ranked.region: ranked.latency_ms for ranked in decide(BERLIN).ranking}

    def test_a_degraded_region_loses_near_ties_only(self) -> None:
        assert decide(MID_US).best.region is SFO1
        near_tie = decide(MID_US, statuses={"sfo1": "degraded"})
        assert (near_tie.best.region, near_tie.reason) == (IAD1, "penalty")
        assert decide(BERLIN, statuses={"cdg1": "degraded"}).best.region is CDG1

    def test_near_tie_is_ambiguous(self) -> None:
        assert decide(MID_US).confidence == "ambiguous"
        assert decide(MID_US, statuses={"iad1": "unhealthy"}).confidence == "clear"
        assert decide(MID_US, regions=(SFO1,)).confidence == "clear"

    @pytest.mark.parametrize(
        ("regions", "penalties"),
        [((), {}), ((IAD1, IAD1), {}), ((IAD1,), {"iad1": float("nan")}), ((IAD1,), {"iad1": 501.0})],
    )
    def test_a_router_that_cannot_work_is_not_made(
        self, regions: tuple[Region, ...], penalties: dict[str, float]
    ) -> None:
        with pytest.raises(ValueError, match=r"candidates|penalty"):
            Router(regions, penalties_ms=penalties)


class TestUnfitRegions:
    @pytest.mark.parametrize("status", ["unhealthy", "draining"])
    def test_an_unfit_region_is_passed_over(self, status: Status) -> None:
        decision = decide(BERLIN, statuses={"cdg1": status})

        assert codes(decision) == ["iad1", "hnd1", "sfo1", "cdg1"]
        assert (decision.reason, decision.mode) == ("best_unavailable", "normal")

    def test_sick_before_drained(self) -> None:
        decision = decide(BERLIN, statuses={"cdg1": "draining", "sfo1": "unhealthy"})

        assert codes(decision) == ["iad1", "hnd1", "sfo1", "cdg1"]

    def test_when_none_is_healthy_it_fails_open_and_says_so(self) -> None:
        decision = decide(BERLIN, statuses=dict.fromkeys(CODES, "unhealthy"))

        assert codes(decision) == codes(decide(BERLIN))
        assert (decision.mode, decision.reason) == ("fail-open", "no_region_healthy")

    def test_failing_open_prefers_what_the_operator_did_not_drain(self) -> None:
        decision = decide(BERLIN, statuses={**dict.fromkeys(CODES, "unhealthy"), "cdg1": "draining"})

        assert codes(decision) == ["iad1", "hnd1", "sfo1", "cdg1"]
        assert decision.mode == "fail-open"
        drained = decide(BERLIN, statuses=dict.fromkeys(CODES, "draining"))
        assert (drained.best.region, drained.mode) == (CDG1, "fail-open")

    def test_observers_that_are_not_believed_take_no_region_out(self) -> None:
        statuses: dict[str, Status] = {"cdg1": "unhealthy", "hnd1": "unhealthy", "iad1": "draining"}
        decision = decide(BERLIN, statuses=statuses, statuses_believed=False)

        assert codes(decision) == ["cdg1", "hnd1", "sfo1", "iad1"]
        assert (decision.mode, decision.reason) == ("fail-open", "no_region_healthy")

    def test_what_the_client_excludes_is_not_named(self) -> None:
        decision = decide(BERLIN, exclude=("cdg1", "iad1", "cdg1"))

        assert codes(decision) == ["hnd1", "sfo1"]
        assert decision.reason == "best_unavailable"
        with pytest.raises(ValueError, match="excluded"):
            decide(BERLIN, exclude=tuple(CODES))

    def test_excluding_the_only_healthy_region_fails_open_among_the_rest(self) -> None:
        statuses: dict[str, Status] = dict.fromkeys(("iad1", "sfo1", "hnd1"), "unhealthy")
        decision = decide(BERLIN, statuses=statuses, exclude=("cdg1",))

        assert (decision.best.region, decision.mode) == (IAD1, "fail-open")


class TestSpreading:
    """From Berlin Virginia is 36 ms nearer than Tokyo; a penalty closes that gap, and more."""

    def spread(self, key: str | None, *, penalty_ms: float = 30.0) -> Decision:
        return decide(
            BERLIN,
            regions=(CDG1, IAD1, HND1),
            statuses={"cdg1": "unhealthy"},
            penalties_ms={"iad1": penalty_ms},
            spread_key=key,
        )

    def test_half_of_the_clients_of_a_dead_region_go_to_each_of_two_near_ties(self) -> None:
        assert self.spread(None).confidence == "ambiguous"
        chosen = [self.spread(f"client-{number}").best.region.code for number in range(2_000)]

        assert set(chosen) == {"iad1", "hnd1"}
        assert 900 < chosen.count("hnd1") < 1_100

    @given(st.text(max_size=20))
    def test_one_client_stays_where_it_is_whichever_is_ahead(self, key: str) -> None:
        ahead, behind = self.spread(key, penalty_ms=30.0), self.spread(key, penalty_ms=45.0)

        assert self.spread(None, penalty_ms=30.0).best.region is IAD1
        assert self.spread(None, penalty_ms=45.0).best.region is HND1
        assert ahead.best.region is behind.best.region
        assert ahead.reason == behind.reason == "spread_after_failure"

    def test_the_rest_of_the_ranking_stays(self) -> None:
        for number in range(20):
            decision = self.spread(str(number))
            assert set(codes(decision)[:2]) == {"iad1", "hnd1"}
            assert codes(decision)[2:] == ["cdg1"]

    def test_without_a_tie_without_a_failure_or_without_a_key_nobody_is_spread(self) -> None:
        keys = [str(number) for number in range(50)]

        assert {self.spread(key, penalty_ms=0.0).best.region for key in keys} == {IAD1}
        assert {decide(MID_US, spread_key=key).best.region for key in keys} == {SFO1}
        assert self.spread(None).reason == "best_unavailable"


class TestUnknownPlace:
    def test_catalogue_order_and_it_says_so(self) -> None:
        decision = decide(None, regions=ROUTABLE)

        assert codes(decision) == CODES
        assert (decision.method, decision.confidence, decision.reason) == (
            "default",
            "ambiguous",
            "location_unknown",
        )
        assert decision.location is None
        assert {(ranked.distance_km, ranked.latency_ms) for ranked in decision.ranking} == {(None, None)}

    def test_measurements_are_enough(self) -> None:
        decision = decide(None, regions=ROUTABLE, measurements={"sin1": 12.0, "iad1": 300.0, "hnd1": 80.0})

        assert codes(decision) == ["sin1", "hnd1", "sfo1", "cdg1", "gru1", "iad1"]
        assert (decision.method, decision.reason, decision.confidence) == (
            "measured",
            "measured_by_client",
            "clear",
        )
        assert (decision.best.region, decision.best.latency_ms) == (SIN1, 12.0)

    def test_sick_regions_are_passed_over(self) -> None:
        assert decide(None, statuses={"iad1": "unhealthy"}).best.region is SFO1


class TestLawsWithEverythingKnown:
    """The same laws where cells, measurements, penalties and conditions all speak at once."""

    KNOWN = st.dictionaries(
        st.sampled_from(CODES),
        st.builds(Average, st.floats(0.1, 2_000), st.floats(0.1, 200), st.integers(NOW_MS - 10**10, NOW_MS)),
        max_size=6,
    )

    class Cells:
        """Knows the same everywhere."""

        def __init__(self, known: dict[str, Average]) -> None:
            self._known = known

        def near(self, latitude: float, longitude: float) -> dict[str, Average] | None:  # noqa: ARG002
            return self._known or None

    @given(LOCATIONS, KNOWN, MEASUREMENTS, CONDITIONS, PENALTIES, st.sets(st.sampled_from(CODES), max_size=5))
    def test_taking_regions_away_never_reorders_the_others(
        self,
        location: Location | None,
        known: dict[str, Average],
        measurements: dict[str, float],
        statuses: dict[str, Status],
        penalties: dict[str, float],
        gone: set[str],
    ) -> None:
        cells = self.Cells(known)

        def ranked(regions: tuple[Region, ...], exclude: tuple[str, ...] = ()) -> list[str]:
            router = Router(regions, penalties_ms=penalties, cells=cells)
            return codes(
                router.decide(
                    location, now_ms=NOW_MS, statuses=statuses, measurements=measurements, exclude=exclude
                )
            )

        whole = ranked(ROUTABLE)
        rest = [code for code in whole if code not in gone]

        assert sorted(whole) == sorted(CODES)
        assert ranked(ROUTABLE, tuple(gone)) == rest
        assert ranked(tuple(region for region in ROUTABLE if region.code not in gone)) == rest

    @given(LOCATIONS, KNOWN, MEASUREMENTS, st.sampled_from(CODES))
    def test_a_region_that_falls_sick_moves_behind_and_the_others_stay(
        self,
        location: Location | None,
        known: dict[str, Average],
        measurements: dict[str, float],
        sick: str,
    ) -> None:
        router = Router(ROUTABLE, cells=self.Cells(known))
        before = codes(router.decide(location, now_ms=NOW_MS, statuses={}, measurements=measurements))
        after = codes(
            router.decide(location, now_ms=NOW_MS, statuses={sick: "unhealthy"}, measurements=measurements)
        )

        assert after == [code for code in before if code != sick] + [sick]

    @given(LOCATIONS, KNOWN, MEASUREMENTS)
    def test_costs_rise_along_the_ranking_and_latencies_are_told_or_unknown(
        self, location: Location | None, known: dict[str, Average], measurements: dict[str, float]
    ) -> None:
        decision = Router(ROUTABLE, cells=self.Cells(known)).decide(
            location, now_ms=NOW_MS, statuses={}, measurements=measurements
        )
        costs = [ranked.cost_ms for ranked in decision.ranking]

        assert costs == sorted(costs)
        for ranked in decision.ranking:
            if location is None:
                assert (ranked.latency_ms is None) == (ranked.region.code not in measurements)
            else:
                assert ranked.latency_ms is not None and 0 <= ranked.latency_ms <= 2_000
