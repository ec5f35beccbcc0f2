"""Who is on the lists: the law is ipaddress's own containment; a bad document never takes the lists away."""

from __future__ import annotations

import ipaddress
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, Unexpected
from edge.ratelimit.access import MAX_ENTRIES, AccessList, AccessListInvalid
from edge.ratelimit.cached_access import RETRY_SECONDS, CachedAccessList

if TYPE_CHECKING:
    from collections.abc import Mapping

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
Listing: TypeAlias = Literal["allow", "deny"]

LISTINGS: st.SearchStrategy[Listing] = st.sampled_from(("allow", "deny"))

# Few different bits, so that networks nest and addresses fall into them.
CROWDED = st.sampled_from([0, 1, 2, 3, 0b1000, 0b1010, 0b1111]).map(lambda low: low << 24 | low)


def network(bits: int) -> st.SearchStrategy[Network]:
    make = ipaddress.IPv4Network if bits == 32 else ipaddress.IPv6Network

    def build(value: int, length: int) -> Network:
        return make(((value << (bits - 32)) >> (bits - length) << (bits - length), length))

    return st.builds(build, CROWDED, st.integers(0, bits))


def address(bits: int) -> st.SearchStrategy[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    make = ipaddress.IPv4Address if bits == 32 else ipaddress.IPv6Address
    return st.builds(
        lambda high, low: make((high << (bits - 32)) ^ (low if bits == 128 else 0)), CROWDED, CROWDED
    )


def document(
    entries: list[tuple[Network, Listing]], exact: Mapping[str, Listing] = MappingProxyType({})
) -> dict[str, list[str]]:
    return {
        f"{listing}_{kind}": [text for text, listed in listed_texts if listed == listing]
        for listing in ("allow", "deny")
        for kind, listed_texts in (
            ("networks", [(str(net), listed) for net, listed in entries]),
            ("subjects", list(exact.items())),
        )
    }


@pytest.mark.parametrize("bits", [32, 128])
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_longest_network_that_contains_the_address_decides_and_deny_before_allow(
    bits: int, data: st.DataObject
) -> None:
    entries = data.draw(st.lists(st.tuples(network(bits), LISTINGS), max_size=25), label="entries")
    listed = AccessList.parse(document(entries))
    for subject in data.draw(st.lists(address(bits), min_size=1, max_size=10), label="subjects"):
        if isinstance(subject, ipaddress.IPv6Address) and subject.ipv4_mapped:
            continue
        around = [(net.prefixlen, listing) for net, listing in entries if subject in net]
        expected = max(around, key=lambda found: (found[0], found[1] == "deny"))[1] if around else None

        assert listed.verdict(str(subject)) == expected
        assert listed.verdict(subject.exploded.upper()) == expected


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_subject_that_is_a_network_is_within_those_that_contain_all_of_it(data: st.DataObject) -> None:
    entries = data.draw(st.lists(st.tuples(network(128), LISTINGS), max_size=25), label="entries")
    subject = cast("ipaddress.IPv6Network", data.draw(network(128), label="subject"))
    around = [
        (net.prefixlen, listing)
        for net, listing in entries
        if subject.subnet_of(cast("ipaddress.IPv6Network", net))
    ]
    expected = max(around, key=lambda found: (found[0], found[1] == "deny"))[1] if around else None

    assert AccessList.parse(document(entries)).verdict(str(subject)) == expected


class TestPrecedence:
    """Exact before network, longer before shorter, deny before allow."""

    @pytest.mark.parametrize(
        ("lists", "verdict"),
        [
            ({}, None),
            ({"deny_networks": ["192.0.2.0/24"]}, "deny"),
            ({"deny_networks": ["192.0.2.0/24"], "allow_subjects": ["192.0.2.1"]}, "allow"),
            ({"deny_networks": ["192.0.2.1/32"], "allow_subjects": ["192.0.2.1"]}, "allow"),
            ({"allow_networks": ["192.0.2.1/32"], "deny_subjects": ["192.0.2.1"]}, "deny"),
            ({"allow_networks": ["192.0.2.0/24"], "deny_networks": ["192.0.0.0/16"]}, "allow"),
            ({"allow_networks": ["192.0.0.0/16"], "deny_networks": ["192.0.2.0/24"]}, "deny"),
            ({"allow_networks": ["192.0.2.0/24"], "deny_networks": ["192.0.2.0/24"]}, "deny"),
            ({"deny_networks": ["192.0.2.0/24"], "allow_networks": ["192.0.2.0/24"]}, "deny"),
            ({"allow_subjects": ["192.0.2.1"], "deny_subjects": ["192.0.2.1"]}, "deny"),
            ({"allow_subjects": ["192.0.2.1"], "deny_subjects": ["::ffff:c000:201"]}, "deny"),
            ({"deny_networks": ["0.0.0.0/0"], "allow_networks": ["192.0.2.1"]}, "allow"),
            ({"deny_networks": ["::/0"]}, None),
            ({"deny_networks": ["::ffff:0:0/96"]}, "deny"),
            ({"deny_networks": ["::ffff:192.0.2.0/120"]}, "deny"),
        ],
    )
    def test_of_lists_that_name_one_address(
        self, lists: dict[str, list[str]], verdict: Listing | None
    ) -> None:
        listed = AccessList.parse(lists)

        assert listed.verdict("192.0.2.1") == verdict
        assert listed.verdict("::ffff:192.0.2.1") == verdict
        assert listed.verdict("::FFFF:C000:0201") == verdict

    def test_of_names_deny_comes_first(self) -> None:
        listed = AccessList.parse({"allow_subjects": ["a", "b"], "deny_subjects": ["b", "c"]})

        assert [listed.verdict(subject) for subject in "abcd"] == ["allow", "deny", "deny", None]


class TestSpelling:
    """An address is one subject however it is spelled; a name is not."""

    @pytest.mark.parametrize(
        "spelling",
        ["2001:db8::1", "2001:DB8::1", "2001:0db8:0:0:0:0:0:1", "2001:db8::0.0.0.1", "2001:db8::1%eth0"],
    )
    def test_every_form_of_an_address_is_the_address(self, spelling: str) -> None:
        assert AccessList.parse({"deny_subjects": ["2001:db8::1"]}).verdict(spelling) == "deny"
        assert AccessList.parse({"deny_subjects": [spelling]}).verdict("2001:db8::1") == "deny"
        assert AccessList.parse({"deny_networks": ["2001:db8::/32"]}).verdict(spelling) == "deny"

    @pytest.mark.parametrize(
        "subject",
        ["010.0.0.1", "10.1", "167772161", "0x0a.0.0.1", " 10.0.0.1", "10.0.0.1 ", "10.0.0.1\n", "10.0.0.1.", "10.0.0.1/33",
         "10.0.0.1%eth0", "[::ffff:10.0.0.1]", "10.0.0.1:80", "١٠.0.0.1", "10。0.0.1", "::ffff:10.0.0.256", ":::", ":", "1::2::3"],
    )  # fmt: skip
    def test_ambiguous_forms_are_names(self, subject: str) -> None:
        listed = AccessList.parse({"deny_networks": ["0.0.0.0/0", "::/0"]})

        assert listed.verdict(subject) is None

    def test_names_are_compared_letter_by_letter(self) -> None:
        listed = AccessList.parse({"deny_subjects": ["user-42", "ü"]})

        assert listed.verdict("user-42") == "deny"
        assert [listed.verdict(subject) for subject in ("User-42", "user-42 ", "u\u0308", "user-4")] == [
            None
        ] * 4

    @given(subject=st.text())
    @example(subject="1" * 1_000_000)
    @example(subject=":" * 1_000_000)
    @example(subject="\ud800")
    @example(subject="")
    @example(subject=":" * 95 + "g")
    @example(subject="::/" + "9" * 50)
    def test_hostile_subject_is_on_no_list_and_never_raises(self, subject: str) -> None:
        listed = AccessList.parse({"deny_networks": ["10.0.0.0/8"], "deny_subjects": ["the-name-of-nobody"]})

        assert listed.verdict(subject) is None


class TestBadDocuments:
    """The error names the entry; it does not quote it."""

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            ({"deny_networks": ["10.0.0.0/8", "10.0.0.1/8"]}, "deny_networks[1]: host_bits_set"),
            ({"deny_networks": ["10.0.0.0/33"]}, "deny_networks[0]: not_a_network"),
            ({"deny_networks": ["10.0.0.0/-1"]}, "deny_networks[0]: not_a_network"),
            ({"deny_networks": ["10.0.0.0/255.0.0.0"]}, "deny_networks[0]: not_a_network"),
            ({"deny_networks": ["10.0.0.0/"]}, "deny_networks[0]: not_a_network"),
            ({"deny_networks": ["fe80::%eth0/64"]}, "deny_networks[0]: not_a_network"),
            ({"deny_networks": [""]}, "deny_networks[0]: not_a_network"),
            ({"deny_networks": ["9" * 1_000_000]}, "deny_networks[0]: not_a_network"),
            ({"allow_networks": ["::1", 7]}, "allow_networks[1]: not_text"),
            ({"allow_networks": [b"10.0.0.0/8"]}, "allow_networks[0]: not_text"),
            ({"allow_networks": [True]}, "allow_networks[0]: not_text"),
            ({"allow_subjects": ["a", None]}, "allow_subjects[1]: not_text"),
            ({"allow_subjects": ["10.0.0.0/8"]}, "allow_subjects[0]: network_among_subjects"),
            ({"allow_subjects": [""]}, "allow_subjects[0]: subject_empty"),
            ({"allow_subjects": ["a", "b\n"]}, "allow_subjects[1]: subject_control_character"),
            ({"deny_subjects": ["\ud800"]}, "deny_subjects[0]: subject_control_character"),
            ({"deny_subjects": ["x" * 257]}, "deny_subjects[0]: subject_too_long"),
            ({"deny_subjects": "user-42"}, "deny_subjects: not_a_list"),
            ({"deny_subjects": {"user-42": 1}}, "deny_subjects: not_a_list"),
            ({"deny_subjects": None}, "deny_subjects: not_a_list"),
            ({"deny_subject": ["user-42"]}, "unknown_member"),
            ({7: []}, "unknown_member"),
            ([], "not_an_object"),
            ("", "not_an_object"),
        ],
    )
    def test_say_where_and_why(self, bad: object, said: str) -> None:
        with pytest.raises(AccessListInvalid) as raised:
            AccessList.parse(cast("Mapping[str, object]", bad))

        assert str(raised.value) == said
        assert raised.value.reason == said.rpartition(": ")[2]

    def test_too_many_entries_are_refused_before_one_is_parsed(self) -> None:
        most = {"allow_subjects": ["a"] * (MAX_ENTRIES - 1), "deny_networks": ["::/0"]}
        assert len(AccessList.parse(most)) == MAX_ENTRIES

        with pytest.raises(AccessListInvalid, match=r"^deny_networks: too_many_entries$"):
            AccessList.parse({**most, "deny_networks": ["nonsense"] * 2})

    @given(
        bad=st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary(),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["deny_networks", "deny_subjects", "allow_networks"]) | st.text(),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=12,
        )
    )
    def test_nothing_but_its_own_error_is_ever_raised(self, bad: object) -> None:
        said = ""
        try:
            AccessList.parse(cast("Mapping[str, object]", bad))
        except AccessListInvalid as invalid:
            said = str(invalid)

        assert len(said) < 80

    def test_list_that_was_parsed_does_not_change_with_its_document(self) -> None:
        entries = ["a"]
        listed = AccessList.parse({"deny_subjects": entries})
        entries[:] = ["b"]

        assert listed.verdict("a") == "deny"
        assert not listed.states({"deny_subjects": entries})
        assert listed.states(json.loads('{"deny_subjects": ["a"], "allow_subjects": []}'))


class Source:
    """Gives what the test put there, and counts."""

    def __init__(self, found: object = None) -> None:
        self.found = found
        self.reads = 0

    def read(self) -> Mapping[str, object] | None:
        self.reads += 1
        if isinstance(self.found, Exception):
            raise self.found
        return cast("Mapping[str, object] | None", self.found)


DENIES_A = {"deny_subjects": ["a"]}
DENIES_B = {"deny_subjects": ["b"]}


class TestCache:
    """Read at most once a minute, by one thread; what goes wrong leaves the last good list."""

    def test_list_is_read_when_first_asked_for_and_again_after_a_minute(self) -> None:
        clock, source = ManualClock(now_ms=0), Source(DENIES_A)
        cached = CachedAccessList(source, clock)
        assert (cached.age_seconds, source.reads) == (None, 0)

        assert cached.verdict("a") == "deny"
        source.found = DENIES_B
        clock.advance(59_999)
        assert (cached.verdict("a"), cached.verdict("b"), source.reads) == ("deny", None, 1)
        assert cached.age_seconds == 59.999
        clock.advance(1)
        assert (cached.verdict("a"), cached.verdict("b"), source.reads) == (None, "deny", 2)
        assert cached.age_seconds == 0

    def test_list_is_old_after_a_freeze_in_which_monotonic_time_stood_still(self) -> None:
        class Frozen(ManualClock):
            def monotonic_ns(self) -> int:
                return 0

        clock, source = Frozen(now_ms=0), Source({})
        cached = CachedAccessList(source, clock)
        assert cached.verdict("a") is None
        source.found = DENIES_A
        clock.advance(60_000)
        assert cached.verdict("a") is not None

    def test_wall_clock_set_back_does_not_keep_a_list(self) -> None:
        clock, source = ManualClock(now_ms=10**12), Source(DENIES_A)
        cached = CachedAccessList(source, clock)
        cached.current()
        clock.set_back(10**9)
        clock.advance(60_000)
        cached.current()

        assert source.reads == 2

    @pytest.mark.parametrize(
        "found",
        [
            DependencyUnavailable(1),
            Unexpected(),
            FileNotFoundError("gone"),
            ValueError("no JSON"),
            {"deny_networks": ["10.0.0.0/99"]},
            {"deny": []},
            {"deny_subjects": [["a"]]},
            [],
            "",
            0,
            7,
        ],
        ids=repr,
    )
    def test_failure_keeps_the_last_good_list_and_its_age(self, found: object) -> None:
        clock, source = ManualClock(now_ms=0), Source(DENIES_A)
        cached = CachedAccessList(source, clock, fresh_seconds=60)
        cached.current()
        source.found = found
        clock.advance(100_000)

        assert cached.verdict("a") == "deny"
        assert cached.age_seconds == 100
        failure = cached.failure
        assert isinstance(failure, type(found) if isinstance(found, Exception) else AccessListInvalid)
        assert failure.__traceback__ is None
        clock.advance(RETRY_SECONDS * 1000 - 1)
        assert (cached.verdict("a"), source.reads) == ("deny", 2)
        source.found = DENIES_B
        clock.advance(1)
        assert (cached.verdict("b"), source.reads) == ("deny", 3)
        assert cached.failure is None
        assert cached.age_seconds == 0

    def test_document_that_is_gone_is_empty_lists(self) -> None:
        clock, source = ManualClock(now_ms=0), Source(DENIES_A)
        cached = CachedAccessList(source, clock)
        cached.current()
        source.found = None

        assert len(cached.refresh()) == 0
        assert (cached.verdict("a"), cached.failure) == (None, None)

    def test_before_the_first_good_document_nobody_is_listed(self) -> None:
        cached = CachedAccessList(Source(DependencyUnavailable(1)), ManualClock(now_ms=0))

        assert (cached.verdict("a"), cached.age_seconds) == (None, None)
        assert isinstance(cached.failure, DependencyUnavailable)

    def test_unchanged_document_is_not_parsed_again(self) -> None:
        clock, source = ManualClock(now_ms=0), Source({"deny_subjects": ["a"]})
        cached = CachedAccessList(source, clock)
        first = cached.current()
        source.found = {"deny_subjects": ["a"], "deny_networks": []}

        assert cached.refresh() is first

    def test_document_changed_in_place_is_seen(self) -> None:
        entries = ["a"]
        cached = CachedAccessList(Source({"deny_subjects": entries}), ManualClock(now_ms=0))
        cached.current()
        entries[0] = "b"

        assert cached.refresh().verdict("b") == "deny"

    def test_defect_of_a_source_is_raised_to_one_request_and_no_other_is_stuck(self) -> None:
        clock, source = ManualClock(now_ms=0), Source(DENIES_A)
        cached = CachedAccessList(source, clock)
        cached.current()
        source.found = KeyError("a defect")
        clock.advance(60_000)
        with pytest.raises(KeyError):
            cached.verdict("a")

        assert [cached.verdict("a") for _ in range(3)] == ["deny"] * 3
        source.found = DENIES_B
        clock.advance(RETRY_SECONDS * 1000)
        assert cached.verdict("b") == "deny"


class SlowSource(Source):
    """Waits in :meth:`read` until the test lets it go on."""

    def __init__(self, found: object) -> None:
        super().__init__(found)
        self.entered = threading.Event()
        self.released = threading.Event()

    def read(self) -> Mapping[str, object] | None:
        self.entered.set()
        assert self.released.wait(10)
        return super().read()


class TestThreads:
    """One reads; the others have the old list, or wait if there is none."""

    def test_new_container_waits_for_its_first_list_and_reads_it_once(self) -> None:
        source = SlowSource(DENIES_A)
        cached = CachedAccessList(source, ManualClock(now_ms=0))
        with ThreadPoolExecutor(16) as pool:
            verdicts = [pool.submit(cached.verdict, "a") for _ in range(16)]
            assert source.entered.wait(10)
            assert not any(verdict.done() for verdict in verdicts)
            source.released.set()

            assert [verdict.result(10) for verdict in verdicts] == ["deny"] * 16
        assert source.reads == 1

    def test_others_go_on_with_the_old_list_while_one_reads(self) -> None:
        clock, source = ManualClock(now_ms=0), SlowSource(DENIES_A)
        cached = CachedAccessList(source, clock)
        source.released.set()
        cached.current()
        source.entered.clear()
        source.released.clear()
        source.found = DENIES_B
        clock.advance(60_000)
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(cached.verdict, "b")
            assert source.entered.wait(10)

            assert [cached.verdict("a") for _ in range(50)] == ["deny"] * 50
            source.released.set()
            assert reading.result(10) == "deny"
        assert (cached.verdict("a"), source.reads) == (None, 2)
