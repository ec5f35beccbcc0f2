"""
Snapshots for the tests of the formats, and a check of our own of what they write.

The check is strict where tools are not: duplicate series, a missing TYPE, ``le`` out of order, and buckets that do not
cumulate pass ``promtool check metrics`` and a scrape.
"""

from __future__ import annotations

import re
from math import inf, isnan
from typing import Final, NamedTuple

from hypothesis import strategies as st

from edge.telemetry.snapshot import Definition, Distribution, Family, Kind, Quantiles, Series, Snapshot

CREATED_AT: Final = 1_795_000_000.0

HOSTILE: Final = (
    "",
    'say "hi"',
    "back\\slash",
    "ends in a backslash\\",
    'a backslash, then a quote \\"',
    "new\nline",
    "\n# TYPE edge_forged_total counter\nedge_forged_total 1",
    "carriage\rreturn\r\n",
    "nul\0in the middle",
    "\0",
    '{a},b=}"c" # {d} 1',
    "100%s %d %%",
    "tab\tand \x0b\x0c\x1b\x7f\x85 controls",
    "ünïcödé 日本語 🚀 \u2028\u2029\ufeff\u202e",
    "\ud800 alone",
    "\udfff",
    "\ud83d\ude00 in two halves",
    "x" * 100_000,
    " blanks ",
    "\\n is not a new line",
)  # fmt: skip
"""Values of labels that break out of a format that is written carelessly."""

_SAMPLE: Final = re.compile(
    r'(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)\{(?P<labels>(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*",?)+)\} (?P<value>\S+)'
)
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"')
_UNESCAPED: Final = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}


class Sample(NamedTuple):
    """One line of a format, as it is to be read back."""

    name: str
    labels: frozenset[tuple[str, str]]
    value: float


def spoken(text: str) -> str:
    """Return a label's value as UTF-8 can say it."""
    return text.encode("utf-8", "backslashreplace").decode()


def expected(snapshot: Snapshot, *, created: bool = False) -> list[Sample]:
    """Return every sample of *snapshot*, told without any code of the formats."""
    samples = []
    for definition, every in snapshot.families:
        for series in every:
            labels = {"region": spoken(snapshot.region)}
            labels |= dict(zip(definition.labels, map(spoken, series.labels), strict=True))
            samples += _samples(definition, labels, series)
            if created and definition.kind != "gauge":
                name = definition.name.removesuffix("_total") + "_created"
                samples.append(Sample(name, frozenset(labels.items()), snapshot.created_at))
    return samples


def _samples(definition: Definition, labels: dict[str, str], series: Series) -> list[Sample]:
    name, value, own = definition.name, series.value, frozenset(labels.items())
    if isinstance(value, Distribution):
        bounds = [*definition.bounds, inf]
        return [
            *(
                Sample(f"{name}_bucket", own | {("le", str(bound))}, sum(value.buckets[: number + 1]))
                for number, bound in enumerate(bounds)
            ),
            Sample(f"{name}_sum", own, value.sum),
            Sample(f"{name}_count", own, sum(value.buckets)),
        ]
    if isinstance(value, Quantiles):
        return [
            *(
                Sample(name, own | {("quantile", str(at))}, observed)
                for at, observed in zip(definition.quantiles, value.values, strict=True)
            ),
            Sample(f"{name}_sum", own, value.sum),
            Sample(f"{name}_count", own, value.observations),
        ]
    return [Sample(name, own, value)]


def comparable(samples: list[Sample]) -> list[tuple[object, ...]]:
    """Return *samples* so that NaN is equal to itself and ``le`` is a number, in their order."""
    return [
        (
            one.name,
            frozenset((key, float(text)) if key in ("le", "quantile") else (key, text) for key, text in one.labels),
            "NaN" if isnan(one.value) else one.value,
        )
        for one in samples
    ]  # fmt: skip


def read_strictly(body: bytes) -> list[Sample]:
    """Read *body*, of either format, and refuse all that tools let pass."""
    text = body.decode()
    assert text.endswith("\n") and "\n\n" not in text
    kinds: dict[str, str] = {}
    finished: set[str] = set()
    open_family = ""
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    samples: list[Sample] = []
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("#"):
            if line == "# EOF":
                continue
            _, keyword, name, rest = line.split(" ", 3)
            if keyword == "HELP":
                assert name not in finished and name != open_family, "a family in two places"
                finished.add(open_family)
                open_family = name
            assert name == open_family, "metadata of another family"
            if keyword == "TYPE":
                assert name not in kinds, "TYPE twice"
                kinds[name] = rest
            continue
        match = _SAMPLE.fullmatch(line)
        assert match is not None, "no line of a sample"
        assert open_family in kinds, "a sample without TYPE"
        suffix = match["name"].removeprefix(open_family)
        assert (
            match["name"].startswith(open_family)
            and suffix
            in (
                {
                    "counter": ("_total", "_created", ""),
                    "gauge": ("",),
                    "histogram": ("_bucket", "_sum", "_count", "_created"),
                    "summary": ("", "_sum", "_count", "_created"),
                }[kinds[open_family]]
            )
        ), "a sample outside of its family"
        pairs = [
            (key, re.sub(r"\\.", lambda m: _UNESCAPED[m[0]], text))
            for key, text in _LABEL.findall(match["labels"])
        ]
        assert len({key for key, _ in pairs}) == len(pairs), "a label twice"
        key = (match["name"], frozenset(pairs))
        assert key not in seen, "a series twice"
        seen.add(key)
        value = match["value"]
        samples.append(Sample(*key, int(value) if value.removeprefix("-").isdigit() else float(value)))
    _check_buckets(samples)
    return samples  # fmt: skip


def _check_buckets(samples: list[Sample]) -> None:
    counts = {(one.name, one.labels): one.value for one in samples if one.name.endswith("_count")}
    last: tuple[str, frozenset[tuple[str, str]]] | None = None
    bound, height = -inf, 0.0
    for one in samples:
        if not one.name.endswith("_bucket"):
            assert last is None or bound == inf, "buckets without +Inf"
            last = None
            continue
        series = (one.name, frozenset(pair for pair in one.labels if pair[0] != "le"))
        le = float(dict(one.labels)["le"])
        if series != last:
            assert last is None or bound == inf, "buckets without +Inf"
            last, bound, height = series, -inf, 0.0
        assert le > bound, "le out of order"
        assert one.value >= height, "buckets are not cumulative"
        bound, height = le, one.value
        if le == inf:
            assert counts[one.name.removesuffix("_bucket") + "_count", series[1]] == height


# --- arbitrary snapshots -------------------------------------------------------------------------------------------

_SHORT: Final = [text for text in HOSTILE if len(text) < 100]  # hypothesis tells failures
_TEXTS: Final = st.one_of(st.text(max_size=8), st.sampled_from(_SHORT))
_HELPS: Final = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters='"'), min_size=1, max_size=12
)  # prometheus_client reads a quote in HELP as the start of a quoted name
_COUNTS: Final = st.integers(0, 2**63)
_AMOUNTS: Final = st.floats(0, allow_infinity=False, allow_nan=False)
_NAMES: Final = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
_KINDS: Final[tuple[Kind, ...]] = ("counter", "gauge", "histogram", "summary")
_TAKEN: Final = {"le", "quantile", "region"}
_SUFFIXES: Final = ("_total", "_created", "_bucket", "_sum", "_count")


def _value(definition: Definition) -> st.SearchStrategy[float | Distribution | Quantiles]:
    if definition.kind == "counter":
        return _COUNTS | _AMOUNTS
    if definition.kind == "gauge":
        return st.floats() | st.integers(-(2**63), 2**63)
    if definition.kind == "histogram":
        size = len(definition.bounds) + 1
        return st.builds(Distribution, st.lists(_COUNTS, min_size=size, max_size=size), _AMOUNTS)
    size = len(definition.quantiles)
    each = st.lists(_AMOUNTS | st.just(float("nan")), min_size=size, max_size=size)
    return st.builds(Quantiles, each, _COUNTS, _AMOUNTS)


@st.composite
def _definitions(draw: st.DrawFn, name: str) -> Definition:
    kind = draw(st.sampled_from(_KINDS))
    unit = draw(st.sampled_from(("", "seconds", "bytes")))
    labels = draw(
        st.lists(_NAMES.filter(lambda n: n not in _TAKEN and n[:2] != "__"), max_size=3, unique=True)
    )
    bounds = st.floats(0, exclude_min=True, allow_infinity=False, allow_nan=False)
    return Definition(
        name + (f"_{unit}" if unit and draw(st.booleans()) else "") + ("_total" if kind == "counter" else ""),
        kind,
        draw(_HELPS),
        tuple(labels),
        unit,
        tuple(sorted(draw(st.sets(bounds, max_size=4)))) if kind == "histogram" else (),
        tuple(sorted(draw(st.sets(st.floats(0, 1), max_size=3)))) if kind == "summary" else (),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw any sound snapshot."""
    stems = st.lists(_NAMES.filter(lambda n: not n.endswith(_SUFFIXES)), max_size=3, unique_by=str.casefold)
    families = []
    for number, stem in enumerate(draw(stems)):
        definition = draw(_definitions(f"{stem}{number}"))
        size = len(definition.labels)
        labels = draw(
            st.lists(st.tuples(*[_TEXTS] * size), max_size=3, unique_by=lambda each: tuple(map(spoken, each)))
        )
        families.append(Family(definition, [Series(each, draw(_value(definition))) for each in labels]))
    return Snapshot(draw(_TEXTS), families, CREATED_AT)


def hostile() -> Snapshot:
    """Return a snapshot of each kind of metric with every hostile value as a label's."""
    values = [(text,) for text in HOSTILE]
    counter = Definition("edge_hostile_total", "counter", 'Of \\n no "use".', ("who",))
    gauge = Definition("edge_hostile_bytes", "gauge", "A gauge.", ("who",), unit="bytes")
    histogram = Definition(
        "edge_hostile_seconds", "histogram", "Time.", ("who",), unit="seconds", bounds=(0.5, 1, 1e6)
    )
    summary = Definition("edge_hostile_ratio", "summary", "Shares.", ("who",), quantiles=(0.5, 0.99))
    return Snapshot(
        'c"d\\g%s\n1',
        [
            Family(counter, [Series(each, number) for number, each in enumerate(values)]),
            Family(gauge, [Series(each, -number / 3) for number, each in enumerate(values)]),
            Family(
                histogram,
                [
                    Series(each, Distribution([number, 1, 0, 2], number / 7))
                    for number, each in enumerate(values)
                ],
            ),
            Family(summary, [Series(each, Quantiles([0.25, float("nan")], 3, 0.75)) for each in values]),
        ],
        CREATED_AT,
    )
