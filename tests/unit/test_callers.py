"""Who calls, and whether he may: no framework, no store, every order of what can go wrong."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from edge.auth.apikeys.problems import KeyRefused
from edge.auth.apikeys.records import KeyRecord
from edge.auth.problems import AmbiguousCredentials, UnknownScheme
from edge.auth.roles import RANKS, SCOPES, Role
from edge.auth.tokens.claims import AccessToken
from edge.auth.tokens.problems import TokenRefused
from edge.auth.validation import Validated
from edge.callers import ANYBODY, KEY_ONLY, NOBODY, Caller, Callers, bearer_token, client_network
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, NotAllowed, NotAuthenticated
from edge.ratelimit.decisions import Charge, Verdict
from edge.ratelimit.limiter import Limiter
from edge.ratelimit.memory import MemoryStore
from edge.ratelimit.problems import TooManyRequests
from edge.ratelimit.tiers import make_tier
from edge.web.boundary import CALLER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge.auth.plans import Plan

ADDRESS = "198.51.100.7"


def record(role: Role = "USER", plan: Plan = "free", scopes: frozenset[str] | None = None) -> KeyRecord:
    return KeyRecord(
        id="0123456789ab",
        name="n",
        role=role,
        plan=plan,
        scopes=SCOPES[role] if scopes is None else scopes,
        created_at=0,
        expires_at=None,
        version=1,
        previous_until=None,
        revoked_at=None,
        last_used_at=None,
    )


def token(role: Role = "USER", plan: Plan | None = "pro", scopes: frozenset[str] | None = None) -> Validated:
    said = AccessToken(
        subject="user-42",
        client_id="ba9876543210",
        issuer="i",
        audience="a",
        issued_at=0,
        expires_at=1,
        jti="j",
        role=role,
        scopes=SCOPES[role] if scopes is None else scopes,
        family=None,
        key_id="k",
        plan=plan,
    )
    return Validated(said, None)


class House:
    """Everything that a guard asks, in one script; what it was asked stands in *asked*, in order."""

    def __init__(self) -> None:
        self.key: KeyRecord | Exception = record()
        self.token: Validated | Exception = token()
        self.asked: list[tuple[object, ...]] = []
        self.is_full = False
        self.is_unlimited = False
        clock = ManualClock(now_ms=1_000_000)
        self._limiter = Limiter(MemoryStore(clock), clock)
        self._tier = make_tier("t", limit=50, window_ms=60_000)

    def authenticate(self, text: str) -> KeyRecord:
        self.asked.append(("authenticate", text))
        if isinstance(self.key, Exception):
            raise self.key
        return self.key

    def note_used(self, record: KeyRecord) -> None:
        self.asked.append(("note_used", record.id))

    def validate(self, token: str) -> Validated:
        self.asked.append(("validate", token))
        if isinstance(self.token, Exception):
            raise self.token
        return self.token

    def charge_client(self, client_id: str, plan: str) -> Verdict | None:
        self.asked.append(("client", client_id, plan))
        return None if self.is_unlimited else self._verdict()

    def charge_address(self, network: str) -> Verdict:
        self.asked.append(("address", network))
        return self._verdict()

    def _verdict(self) -> Verdict:
        if self.is_full:
            self._limiter.check_all("s", [Charge(self._tier, 50)])
        return self._limiter.check_all("s", [Charge(self._tier, 1)])

    def charged(self) -> list[tuple[object, ...]]:
        return [asked for asked in self.asked if asked[0] in ("client", "address")]


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def callers(house: House) -> Callers:
    return Callers(keys=house, tokens=house, quotas=house)


def request(*headers: tuple[str, str], client: tuple[str, int] | None = (ADDRESS, 0)) -> dict[str, Any]:
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    return {"type": "http", "headers": encoded, "client": client}


def admit(callers: Callers, scope: dict[str, Any], needed: str = ANYBODY) -> Caller:
    guard = callers.needs(needed)
    caller: Caller = guard.admit(scope)  # type: ignore[attr-defined]
    return caller


KEY = ("x-api-key", "ek_dev_x")
TOKEN = ("authorization", "Bearer a.b.c")


def test_key_says_who_calls_and_is_charged_to_its_plan(callers: Callers, house: House) -> None:
    caller = admit(callers, request(KEY), "auth:token")

    assert caller == Caller("key", "USER", SCOPES["USER"], "0123456789ab", "0123456789ab", "free", None)
    assert house.asked == [
        ("authenticate", "ek_dev_x"),
        ("note_used", "0123456789ab"),
        ("client", "0123456789ab", "free"),
    ]


def test_token_is_charged_to_the_plan_of_the_key_that_it_came_of(callers: Callers, house: House) -> None:
    caller = admit(callers, request(TOKEN), "auth:revoke")

    assert caller == Caller("token", "USER", SCOPES["USER"], "ba9876543210", "user-42", "pro", 1)
    assert house.asked == [("validate", "a.b.c"), ("client", "ba9876543210", "pro")]


def test_token_without_a_plan_counts_as_the_smallest(callers: Callers, house: House) -> None:
    house.token = token(plan=None)

    admit(callers, request(TOKEN))

    assert house.charged() == [("client", "ba9876543210", "free")]


def test_nobody_is_charged_to_his_address(callers: Callers, house: House) -> None:
    assert admit(callers, request(("x-forwarded-for", "1.2.3.4"))) == NOBODY
    assert house.asked == [("address", ADDRESS)]


@pytest.mark.parametrize("needed", sorted(SCOPES["ADMIN"] - SCOPES["ANONYMOUS"]))
def test_nobody_has_no_scope_that_needs_a_name_and_asking_costs(
    callers: Callers, house: House, needed: str
) -> None:
    with pytest.raises(NotAuthenticated):
        admit(callers, request(), needed)
    assert house.asked == [("address", ADDRESS)]


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ((KEY,), KeyRefused("unknown_key")),
        ((TOKEN,), TokenRefused("expired")),
    ],
    ids=["key", "token"],
)
def test_wrong_credentials_are_refused_and_charged_to_the_address(
    callers: Callers, house: House, headers: Sequence[tuple[str, str]], refused: NotAuthenticated
) -> None:
    house.key = house.token = refused
    for needed in (ANYBODY, "geo:route", "keys:admin"):
        house.asked.clear()
        with pytest.raises(type(refused)) as raised:
            admit(callers, request(*headers), needed)
        assert raised.value is refused, "nobody is let in as nobody for showing something wrong"
        assert house.charged() == [("address", ADDRESS)]


def test_who_guesses_too_often_is_told_nothing_of_his_guess(callers: Callers, house: House) -> None:
    house.key = KeyRefused("unknown_key")
    house.is_full = True

    with pytest.raises(TooManyRequests):
        admit(callers, request(KEY))


def test_good_caller_is_not_charged_to_his_address(callers: Callers, house: House) -> None:
    for headers in (KEY, TOKEN):
        admit(callers, request(headers))
    assert {asked[0] for asked in house.charged()} == {"client"}


def test_missing_scope_is_403(callers: Callers, house: House) -> None:
    house.key = record("GUEST")
    house.token = token("GUEST")
    for headers in (KEY, TOKEN):
        with pytest.raises(NotAllowed):
            admit(callers, request(headers), "ratelimit:check")


def test_scopes_count_and_not_the_role(callers: Callers, house: House) -> None:
    house.key = record("ADMIN", scopes=frozenset({"geo:route"}))

    assert admit(callers, request(KEY), "geo:route").role == "ADMIN"
    with pytest.raises(NotAllowed):
        admit(callers, request(KEY), "keys:admin")


def test_who_is_over_his_plan_is_429(callers: Callers, house: House) -> None:
    house.is_full = True
    with pytest.raises(TooManyRequests) as raised:
        admit(callers, request(KEY))
    assert raised.value.verdict.violated == ("t",)


def test_unlimited_plan_has_no_headers(callers: Callers, house: House) -> None:
    house.is_unlimited = True
    scope = request(KEY)
    admit(callers, scope)
    assert scope[CALLER].headers == ()


def test_others_are_told_their_limit(callers: Callers) -> None:
    scope = request(KEY)
    admit(callers, scope)
    assert dict(scope[CALLER].headers)[b"x-ratelimit-remaining"] == b"49"


def test_unavailable_is_neither_yes_nor_no_and_costs_nobody(callers: Callers, house: House) -> None:
    house.key = house.token = DependencyUnavailable(1)
    for headers in (KEY, TOKEN):
        with pytest.raises(DependencyUnavailable):
            admit(callers, request(headers))
    assert house.charged() == []


@pytest.mark.parametrize(
    "headers",
    [
        (KEY, TOKEN),
        (TOKEN, KEY),
        (KEY, KEY),
        (TOKEN, TOKEN),
        (KEY, ("authorization", "")),
        (("x-api-key", ""), TOKEN),
    ],
)
def test_two_credentials_are_looked_at_neither(
    callers: Callers, house: House, headers: Sequence[tuple[str, str]]
) -> None:
    with pytest.raises(AmbiguousCredentials):
        admit(callers, request(*headers))
    assert house.asked == [("address", ADDRESS)]


def test_route_that_takes_keys_alone_does_not_look_at_the_other_header(
    callers: Callers, house: House
) -> None:
    guard = callers.needs("auth:token", shown_in=KEY_ONLY)
    assert guard.admit(request(KEY, TOKEN)).kind == "key"  # type: ignore[attr-defined]
    with pytest.raises(NotAuthenticated):
        guard.admit(request(TOKEN))  # type: ignore[attr-defined]
    assert not any(asked[0] == "validate" for asked in house.asked)


def test_call_is_counted_once_however_often_its_guard_is_asked(callers: Callers, house: House) -> None:
    guard = callers.needs("geo:route")
    scope = request(KEY)

    first = guard.admit(scope)  # type: ignore[attr-defined]
    run = guard(Request(scope)).__await__()
    with pytest.raises(StopIteration) as ended:
        next(run)

    assert ended.value.value is first
    assert len(house.charged()) == 1


@pytest.mark.parametrize(
    "value", ["Basic e30=", "a.b.c", "", " Bearer a", "Bearer\ta", "bearer:a", "Bearerx a"]
)
def test_other_schemes(callers: Callers, value: str) -> None:
    with pytest.raises(UnknownScheme):
        admit(callers, request(("authorization", value)))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_scheme_is_of_any_case_and_the_token_is_not_touched(
    callers: Callers, house: House, scheme: str
) -> None:
    for text in ("a.b.c", " a", "a ", "a b", "", "ü"):
        house.asked.clear()
        admit(callers, request(("authorization", f"{scheme} {text}")))
        ((_, shown), _) = house.asked
        assert shown == text.encode().decode("latin-1")


def test_bearer_token_of_a_request() -> None:
    assert bearer_token(request()) is None
    assert bearer_token(request(TOKEN, KEY)) == "a.b.c"
    with pytest.raises(AmbiguousCredentials):
        bearer_token(request(TOKEN, TOKEN))
    with pytest.raises(UnknownScheme):
        bearer_token(request(("authorization", "Basic x")))


@pytest.mark.parametrize("has", ["ADMIN", "USER", "GUEST"])
@pytest.mark.parametrize("needs", ["ADMIN", "USER", "GUEST", None])
def test_role_and_scopes_are_both_required(has: Role, needs: Role | None) -> None:
    caller = Caller("key", has, frozenset({"geo:route"}), "id", "id", "free", None)

    def passes(*scopes: str) -> bool:
        try:
            caller.require(role=needs, scopes=scopes)
        except NotAllowed:
            return False
        return True

    is_high = needs is None or RANKS[has] >= RANKS[needs]
    assert passes() == passes("geo:route") == is_high
    assert not passes("keys:admin")
    assert not passes("geo:route", "keys:admin")


def test_nobody_meets_no_requirement_not_even_an_empty_one() -> None:
    with pytest.raises(NotAuthenticated):
        NOBODY.require(role=None, scopes=[])


def test_log_and_headers_say_no_secret(callers: Callers) -> None:
    scope = request(KEY)
    caller = admit(callers, scope)

    assert scope[CALLER].log_fields() == {"caller": "key", "role": "USER", "client_id": "0123456789ab"}
    assert caller.auth_headers() == {
        "X-Auth-Subject": "0123456789ab",
        "X-Auth-Client": "0123456789ab",
        "X-Auth-Role": "USER",
        "X-Auth-Scope": " ".join(sorted(SCOPES["USER"])),
        "X-Auth-Kind": "key",
    }
    nobody = request()
    admit(callers, nobody)
    assert nobody[CALLER].log_fields() == {"caller": "anonymous", "role": "ANONYMOUS"}


def network(host: str) -> str:
    return client_network({"client": (host, 0)})


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**64 - 1), st.sampled_from(["compressed", "exploded"]))
def test_ipv6_counts_by_its_upper_half_in_any_spelling(number: int, lower: int, spelling: str) -> None:
    one, other = IPv6Address(number), IPv6Address(number >> 64 << 64 | lower)
    if one.ipv4_mapped or other.ipv4_mapped:
        return
    assert network(getattr(one, spelling)) == network(str(other).upper())
    assert network(str(one)) == f"{number >> 64:016x}/64"


@given(st.ip_addresses(v=4))
def test_mapped_ipv4_is_ipv4(address: object) -> None:
    assert network(f"::ffff:{address}") == network(str(address)) == str(address)


@given(st.text(max_size=60))
def test_no_host_breaks_it(host: str) -> None:
    said = network(host)
    assert said in (host, "unknown") or said.endswith("/64") or said.count(".") == 3


def test_unknown_host_is_one_network() -> None:
    assert client_network({"client": None}) == client_network({}) == network("1:2:x") == "unknown"
