"""Errors of one defect share a key, errors of two do not, wherever and however they run."""

from __future__ import annotations

import asyncio
import linecache
from typing import TYPE_CHECKING

import pytest

from edge.aws.faults import TableMissing, Unavailable
from edge.problems import DependencyUnavailable
from edge.telemetry.grouping import (
    MAX_CAUSES,
    MAX_FRAMES,
    MAX_TITLE_CHARS,
    Shape,
    group_key,
    kind_of,
    module_of,
    overflow_key,
    shape_of,
    shape_of_answer,
    title_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

LAYER = "/opt/python/edge"
LOCAL = "/home/dev/kaizen/shared/edge"


def module(name: str, source: str, *, path: str = "", **names: object) -> dict[str, object]:
    """Return the globals of a module of *source* that believes that it is *name*, from *path*."""
    path = path or f"{LAYER}/{name.removeprefix('edge.').replace('.', '/')}.py"
    namespace: dict[str, object] = {"__name__": name, **names}
    linecache.cache.pop(path, None)
    exec(compile(source, path, "exec"), namespace)  # noqa: S102 - frames of any file are what is tested
    return namespace


def caught(call: object, *arguments: object) -> BaseException:
    assert callable(call)
    try:
        call(*arguments)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def key_of(error: BaseException, function: str = "ratelimit_check") -> str:
    shape = shape_of(error, function=function)
    return group_key(shape, kind_of(error) if shape.needs_message else "")


RAISES = "def check(text='a'):\n    raise ValueError(text)\n"
BOUNDARY = "def call(inner, *arguments):\n    return inner(*arguments)\n"


def in_stack(inner: object, root: str = LAYER) -> Callable[..., BaseException]:
    """Return a call of *inner* through the boundary, the lean route and a handler, as a request goes."""
    handler = module(
        "app",
        BOUNDARY,
        path="/var/task/app.py" if root == LAYER else "/home/dev/kaizen/functions/ratelimit_check/app.py",
    )["call"]
    lean = module("edge.app", BOUNDARY, path=f"{root}/app.py")["call"]
    boundary = module("edge.web.boundary", BOUNDARY, path=f"{root}/web/boundary.py")["call"]

    def run(*arguments: object) -> BaseException:
        return caught(boundary, lean, handler, inner, *arguments)

    return run


def test_key_has_no_line_numbers_and_no_message() -> None:
    one = module("edge.ratelimit.limiter", RAISES)["check"]
    moved = module("edge.ratelimit.limiter", "\n\n# moved\n" + RAISES)["check"]

    assert key_of(in_stack(one)("a 1")) == key_of(in_stack(moved)("something else"))


def test_key_is_the_same_on_lambda_and_here() -> None:
    there = module("edge.ratelimit.limiter", RAISES)["check"]
    here = module("edge.ratelimit.limiter", RAISES, path=f"{LOCAL}/ratelimit/limiter.py")["check"]
    errors = in_stack(there)(), in_stack(here, LOCAL)()

    assert shape_of(errors[0], function="ratelimit_check").frames == (
        "edge.ratelimit.limiter:check",
        "functions.ratelimit_check.app:call",
    )
    assert key_of(errors[0]) == key_of(errors[1])


def test_shared_boundary_does_not_make_everything_one_group() -> None:
    kinds = {
        key_of(in_stack(module(f"edge.{name}", RAISES)["check"])())
        for name in ("ratelimit.limiter", "geo.router", "signing.verify", "optimize.engine", "health.drains")
    }

    assert len(kinds) == 5


def test_client_that_all_stores_share_does_not_make_them_one_group() -> None:
    calls = "".join(f"def call{n}(inner):\n    return call{n + 1}(inner)\n" for n in range(6))
    client = module("edge.aws.jsonrpc", calls + "def call6(inner):\n    raise ValueError\n")["call0"]
    stores = [module(f"edge.{name}.dynamo", BOUNDARY)["call"] for name in ("ratelimit", "health")]

    assert len({key_of(caught(store, client, None)) for store in stores}) == 2
    assert shape_of(caught(stores[0], client, None), function="f").frames == (
        "edge.aws.jsonrpc:call6",
        "edge.ratelimit.dynamo:call",
    )


def test_type_and_function_tell_groups_apart() -> None:
    other_type = module("edge.ratelimit.limiter", "def check():\n    raise KeyError('a')\n")["check"]
    other_function = module("edge.ratelimit.limiter", "def reset():\n    raise ValueError('a')\n")["reset"]
    first = module("edge.ratelimit.limiter", RAISES)["check"]

    assert len({key_of(caught(one)) for one in (other_type, other_function, first)}) == 3


def test_defect_of_the_boundary_itself_is_named() -> None:
    boundary = module("edge.web.boundary", RAISES)["check"]
    error = caught(module("edge.app", BOUNDARY)["call"], boundary)

    assert shape_of(error, function="keys").frames == ("edge.web.boundary:check",)


def test_error_below_a_library_is_of_the_place_of_ours_that_called_it() -> None:
    library = module("json.decoder", RAISES, path="/usr/lib/python3.13/json/decoder.py")["check"]
    ours = module("edge.geo.wire", BOUNDARY)["call"]
    error = in_stack(ours)(library)

    assert shape_of(error, function="geo_route").frames[0] == "edge.geo.wire:call"


def test_without_a_frame_of_ours_the_kind_of_message_decides() -> None:
    library = module("x.y", RAISES, path="/opt/python/x/y.py")["check"]

    def key(message: str) -> str:
        return key_of(in_stack_without_ours(library, message))

    def in_stack_without_ours(call: object, message: str) -> BaseException:
        return caught(module("edge.app", BOUNDARY)["call"], call, message)

    assert key("took 12ms for 'a'") == key("took 3.5 s for 'b'")
    assert key("took 12ms for 'a'") != key("lost 12ms for 'a'")


def test_depth_of_recursion_does_not_matter() -> None:
    source = (
        "def even(n):\n    if n == 0:\n        raise ValueError\n    return odd(n - 1)\n"
        "def odd(n):\n    if n == 0:\n        raise ValueError\n    return even(n - 1)\n"
    )
    even = module("edge.geo.grid", source)["even"]

    assert len({key_of(caught(even, depth)) for depth in (40, 41, 63, 300)}) == 1
    assert shape_of(caught(even, 41), function="geo_route").frames == (
        "edge.geo.grid:even",
        "edge.geo.grid:odd",
    )


def test_endless_recursion_is_one_group() -> None:
    source = (
        "def down(n):\n    return down(n + 1)\ndef start(n):\n    return start(n - 1) if n else down(0)\n"
    )
    start = module("edge.geo.grid", source)["start"]
    keys = {key_of(caught(start, depth)) for depth in (0, 3)}

    assert len(keys) == 1


def test_comprehensions_and_closures_are_named_as_their_function() -> None:
    source = (
        "def fail():\n    raise ValueError\n"
        "def outer():\n    return list(fail() for _ in range(1))\n"
        "def wrapped():\n    def inner():\n        return fail()\n    return inner()\n"
    )
    names = module("edge.geo.grid", source)

    assert shape_of(caught(names["outer"]), function="f").frames == (
        "edge.geo.grid:fail",
        "edge.geo.grid:outer",
    )
    assert shape_of(caught(names["wrapped"]), function="f").frames[1] == "edge.geo.grid:wrapped.inner"


def test_event_loop_adds_nothing() -> None:
    source = "async def check():\n    raise ValueError\n"
    check = module("edge.geo.router", source)["check"]
    assert callable(check)
    looped = caught(lambda: asyncio.run(check()))
    straight = caught(lambda: check().send(None))

    async def in_group() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(check())

    assert key_of(looped) == key_of(straight) == key_of(caught(lambda: asyncio.run(in_group())))


def test_cause_tells_what_one_wrapper_raises_apart() -> None:
    wrapper = module(
        "edge.geo.store",
        "def wrapped(inner):\n    try:\n        inner()\n    except Exception as error:\n        raise RuntimeError('failed') from error\n",
    )["wrapped"]
    hidden = module(
        "edge.geo.store",
        "def wrapped(inner):\n    try:\n        inner()\n    except Exception:\n        raise RuntimeError('failed')\n",
    )["wrapped"]
    causes = [module(f"edge.geo.{name}", RAISES)["check"] for name in ("cells", "router")]

    assert len({key_of(caught(wrapper, cause)) for cause in causes}) == 2
    assert len({key_of(caught(hidden, cause)) for cause in causes}) == 1, (
        "what merely happened before is no cause"
    )


def test_chain_of_causes_is_bounded_even_if_it_is_a_ring() -> None:
    first, second = ValueError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first

    assert len(shape_of(first, function="f").causes) == MAX_CAUSES


def test_frames_are_bounded_and_nearest_to_the_raise() -> None:
    source = (
        "".join(f"def f{n}():\n    return f{n + 1}()\n" for n in range(9))
        + "def f9():\n    raise ValueError\n"
    )
    frames = shape_of(caught(module("edge.geo.grid", source)["f0"]), function="f").frames

    assert frames == ("edge.geo.grid:f9", "edge.geo.grid:f8", "edge.geo.grid:f7", "edge.geo.grid:f6")
    assert len(frames) == MAX_FRAMES


def unavailable(store: str, fault: str, through: str = "check") -> BaseException:
    def fail() -> None:
        raise Unavailable(fault, outcome_unknown=False)  # type: ignore[arg-type]

    client = module("edge.aws.dynamo", "def query(fail):\n    fail()\n", fail=fail)["query"]
    ask = module(store, f"def {through}(query, fail):\n    query(fail)\n")[through]
    return caught(ask, client, fail)


def test_expected_problem_is_of_its_class_fault_and_store() -> None:
    first = shape_of(unavailable("edge.ratelimit.dynamo", "throttled"), function="f")
    keys = [
        key_of(unavailable("edge.ratelimit.dynamo", "throttled")),
        key_of(unavailable("edge.ratelimit.dynamo", "timed_out")),
        key_of(unavailable("edge.geo.dynamo", "throttled")),
    ]

    assert (first.reason, first.severity) == ("dependency_unavailable:throttled", "error")
    assert first.type == "edge.aws.faults.Unavailable"
    assert len(set(keys)) == 3
    assert key_of(unavailable("edge.ratelimit.dynamo", "throttled", "other")) == keys[0], (
        "one table gone is one group"
    )
    assert title_of(first, "") == "Unavailable: dependency_unavailable:throttled"


def test_problem_that_is_a_defect_is_critical_and_told_apart_by_its_code() -> None:
    def fail(code: str) -> Callable[[], None]:
        def raises() -> None:
            raise TableMissing(code)

        return raises

    ask = module("edge.geo.dynamo", "def ask(fail):\n    fail()\n")["ask"]
    shape = shape_of(caught(ask, fail("ResourceNotFoundException")), function="f")

    assert (shape.severity, shape.reason) == ("critical", "")
    assert key_of(caught(ask, fail("A"))) != key_of(caught(ask, fail("B")))


def test_answer_without_an_error_is_of_its_status_and_route() -> None:
    assert group_key(shape_of_answer(503, "/a"), "") != group_key(shape_of_answer(503, "/b"), "")
    assert group_key(shape_of_answer(503, "/a"), "") != group_key(shape_of_answer(500, "/a"), "")


@pytest.mark.parametrize(
    ("filename", "name", "expected"),
    [
        ("/opt/python/edge/geo/router.py", "edge.geo.router", "edge.geo.router"),
        ("/w/shared/edge/geo/router.py", "edge.geo.router", "edge.geo.router"),
        ("/var/task/app.py", "app", "functions.geo_route.app"),
        ("/var/task/parts/cells.py", "parts.cells", "functions.geo_route.parts.cells"),
        ("/w/functions/geo_route/app.py", "kaizen_local_1", "functions.geo_route.app"),
        ("C:\\w\\functions\\geo_route\\app.py", "app", "functions.geo_route.app"),
        ("/w/functions/keys/app.py", "app", None),
        ("/opt/python/fastapi/routing.py", "fastapi.routing", None),
        ("/w/.venv/lib/python3.13/site-packages/edgedb/x.py", "edgedb.x", None),
        ("/w/.venv/lib/python3.13/site-packages/functions/geo_route/app.py", "x", None),
        ("/var/lang/lib/python3.13/json/decoder.py", "json.decoder", None),
        ("<frozen importlib._bootstrap>", "importlib", None),
    ],
)
def test_only_our_modules_have_names(filename: str, name: str, expected: str | None) -> None:
    assert module_of(filename, name, function="geo_route") == expected


def test_key_is_versioned_hexadecimal_and_stays_as_it_is() -> None:
    key = group_key(Shape("builtins.ValueError", (), ("edge.geo.router:decide",), "", "critical"), "")

    assert key == "1b7a581484cb94ba48804", "if this is meant, raise VERSION: stored groups keep their names"
    assert len(overflow_key()) == len(key)
    assert overflow_key() != key


def test_parts_of_a_shape_do_not_run_into_each_other() -> None:
    shapes = [
        Shape("a", ("b",), (), "", "error"),
        Shape("a", (), (), "b", "error"),
        Shape("ab", (), (), "", "error"),
        Shape("a", (), ("b:c",), "", "error"),
        Shape("a", (), ("b", "c"), "", "error"),
        Shape("a", (), ("bc",), "", "error"),
    ]

    assert len({group_key(shape, "") for shape in shapes}) == len(shapes)


def test_message_is_told_by_its_kind_alone() -> None:
    error = ValueError(
        "login of bob@example.com with password=hunter2 from 10.1.2.3: 'x y' took 3ms\u202e\x1b[31m"
    )

    assert kind_of(error) == "login of <email> with password=<value> from <host>: <text> took <value>[<value>"


def test_problem_is_told_by_its_title() -> None:
    assert kind_of(DependencyUnavailable(1)) == "Dependency unavailable"


def test_error_that_cannot_describe_itself_is_one_all_the_same() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert kind_of(Mute()) == ""
    assert title_of(shape_of(Mute(), function="f"), "").endswith("Mute")


def test_title_is_short() -> None:
    assert (
        len(title_of(Shape("builtins.ValueError", (), (), "", "critical"), "long " * 99)) == MAX_TITLE_CHARS
    )
