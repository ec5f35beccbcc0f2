"""The functions answer as the document says: its examples, whatever is generated from it, and with everything gone."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from edge.regions import DEPLOYED
from tests.functional.auth_setup import House, open_house
from tests.functional.contract_setup import BY_NAME, EXAMPLES, OPERATIONS, SCHEMAS, Api, Operation, media_type
from tests.json_schema import CANARY, anything, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http_events import Answer
    from tests.json_schema import Strategy

EXAMPLES_OF_EACH, NEARLY_OF_EACH = 30, 100
SECRET_MEMBERS = {"token", "refresh_token"}


@pytest.fixture(scope="module")
def environ(ministack_environment: dict[str, str]) -> dict[str, str]:
    return {**ministack_environment, "ALLOWED_ORIGINS": "https://app.example"}


@pytest.fixture(scope="module")
def house(environ: dict[str, str], admin_key: str) -> Iterator[House]:
    yield from open_house(environ, admin_key)


@pytest.fixture(scope="module")
def credentials(house: House) -> dict[str, dict[str, str]]:
    """What callers show, by what they are."""
    texts = {role: house.make_key(role).text for role in ("ADMIN", "USER", "GUEST")}
    counted = house.make_key("USER", "team").text
    token = house.sign_in(texts["ADMIN"])["access_token"]
    return {
        **{role: {"x-api-key": text} for role, text in texts.items()},
        "counted": {"x-api-key": counted},
        "scheme": {"authorization": f"ApiKey {texts['ADMIN']}"},
        "token": {"authorization": f"Bearer {token}"},
        "nobody": {},
        "wrong key": {"x-api-key": f"ek_dev_{CANARY}"},
        "wrong token": {"authorization": f"Bearer {CANARY}.a.b"},
        "wrong scheme": {"authorization": f"Basic {CANARY}"},
        "spare": {"id": house.make_key("GUEST").id},
        "both": {"x-api-key": texts["USER"], "authorization": f"Bearer {token}"},
    }


@pytest.fixture(scope="module")
def api(environ: dict[str, str], house: House) -> Iterator[Api]:
    made = Api(environ)
    yield made
    for region in DEPLOYED:  # whatever was drained meanwhile: other tests have the same tables
        house.call("health", "DELETE", f"/api/monitoring/drain/{region.code}", key=house.admin_key)


def fresh(house: House, request: object) -> object:
    """Return a request of the examples with credentials that hold, in place of those that are cut off there."""
    if not isinstance(request, dict) or not SECRET_MEMBERS & request.keys():
        return request
    tokens = house.sign_in()
    own = {"token": tokens["access_token"], "refresh_token": tokens["refresh_token"]}
    return {**request, **{name: own[name] for name in SECRET_MEMBERS & request.keys()}}


def requests_of_examples() -> list[Any]:
    return [
        pytest.param(BY_NAME[name], label, body, id=f"{name}-{label}")
        for name, example in EXAMPLES.items()
        for label, body in example.get("requests", {}).items()
    ]


@pytest.mark.parametrize(("operation", "label", "body"), requests_of_examples())
def test_every_example_of_a_request_is_answered_with_success(
    api: Api, house: House, operation: Operation, label: str, body: object
) -> None:
    parameters = {"region": "hnd1"}
    if operation.name == "rotateKey":
        parameters["id"] = house.make_key("GUEST").id
    if operation.name == "verifyRequest":
        assert isinstance(body, dict)
        to_sign = {name: body[name] for name in ("method", "url", "body_base64")}
        signed = house.call("sign_request", "POST", "/api/sign/request", to_sign, key=house.admin_key)
        assert signed.json()["headers"].keys() == body["headers"].keys()
        body = {**body, "headers": signed.json()["headers"]}
    shown = {"x-api-key": house.admin_key}
    answer = api.call(operation, body=fresh(house, body), parameters=parameters, headers=shown)

    told = EXAMPLES[operation.name].get("answers", {}).get(str(answer.status), {})
    assert 200 <= answer.status < 300
    if answer.body:
        example = told.get("inactive" if label == "inactive" else label, next(iter(told.values())))
        if label != "inactive":
            assert example.keys() == answer.json().keys()


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.method == "GET"], ids=lambda one: one.name
)
def test_everything_that_is_read_is_read(api: Api, house: House, operation: Operation) -> None:
    names = {"readDashboardAsset": "dashboard", "readReferenceAsset": "docs"}
    parameters = {"id": house.make_key("GUEST").id}
    if operation.name in names:
        parameters["name"] = sorted(api.function(operation.path).page.assets)[0]
    answer = api.call(operation, parameters=parameters, headers={"x-api-key": house.admin_key})

    assert answer.status == 200
    if "304" in operation.described["responses"]:
        headers = {"x-api-key": house.admin_key, "if-none-match": answer.headers["etag"]}
        if operation.name not in ("readMetrics", "readSummary", "readErrors"):  # whose numbers go on
            assert api.call(operation, parameters=parameters, headers=headers).status == 304
        refused = {"x-api-key": house.admin_key, "accept-encoding": "identity;q=0, *;q=0"}
        assert api.call(operation, parameters=parameters, headers=refused).status == 406


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_methods_that_are_not_told_of_are_refused(api: Api, operation: Operation) -> None:
    told = {one.method for one in OPERATIONS if one.path == operation.path}
    if "GET" in told:
        told.add("HEAD")
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} - told:
        answer = api.call(operation, method=method)
        assert answer.status == 405
        assert answer.headers["allow"] == ", ".join(sorted(told))
        assert method == "HEAD" or answer.json()["reason"] == "wrong_method"


def shown_wrongly() -> list[Any]:
    cases = [("nobody", 401), ("wrong key", 401), ("wrong token", 401), ("wrong scheme", 401), ("GUEST", 403)]
    return [
        pytest.param(operation, who, status, id=f"{operation.name}-{who}")
        for operation in OPERATIONS
        for who, status in cases
        if operation.described["security"]
    ]


@pytest.mark.parametrize(("operation", "who", "status"), shown_wrongly())
def test_security_is_as_told(
    api: Api, credentials: dict[str, dict[str, str]], operation: Operation, who: str, status: int
) -> None:
    """Whoever shows what an operation takes gets past the guard; nobody else does, unless it is open."""
    security = operation.described["security"]
    scope = next((scopes[0] for one in security for scopes in one.values() if scopes), "")
    guest_may = not scope or scope in {"geo:route", "optimize:response", "auth:token", "auth:revoke"}
    takes_tokens = any("AccessToken" in one for one in security)
    if (who == "nobody" and {} in security) or (who == "GUEST" and (guest_may or {} in security)):
        status = 0
    if who in ("wrong token", "wrong scheme") and not takes_tokens:
        status = 0 if {} in security else 401
    answer = api.call(operation, headers=credentials[who], body={} if operation.body else None)

    if status:
        assert answer.status == status
    elif operation.name not in ("authorizeForward", "introspectToken"):  # they judge credentials themselves
        assert answer.status not in (401, 403)


def bodies(operation: Operation) -> Strategy:
    """Return bodies as bytes and their type: JSON that fits or nearly does, other JSON, and what is none."""
    json_type = st.sampled_from(
        ["application/json"] * 6 + ["application/json; charset=utf-8", "text/plain", ""]
    )
    if operation.body is None:
        return st.tuples(st.sampled_from([None, None, b"", b"{}", b"\xff"]), json_type)
    values = st.one_of(*[SCHEMAS.fitting(operation.body)] * 3, SCHEMAS.nearly(operation.body), anything())
    raw = st.sampled_from(
        [b"", b"{", b'{"a":1,"a":2}', b"NaN", b"\xff\xfe", b"[" * 500, b'"\\ud800"', b"{} {}", b"1e999"]
    )
    dumped = values.map(lambda value: json.dumps(value).encode())
    return st.tuples(st.one_of(*[dumped] * 6, raw), json_type)


def queries(operation: Operation) -> Strategy:
    declared = [one["name"] for one in operation.described.get("parameters", []) if one["in"] == "query"]
    name = st.one_of(st.sampled_from(declared), texts()) if declared else texts()
    value = st.one_of(
        texts(),
        st.integers(-5, 300).map(str),
        st.sampled_from(["all", "region", "leaked", "ADMIN", "keys:admin"]),
    )
    pair = st.tuples(name, value).map(
        lambda both: "=".join(quote(one, safe="", errors="replace") for one in both)
    )
    few = 2 if declared else 1
    return st.one_of(st.just(""), st.lists(pair, max_size=few).map("&".join), st.just("%ff=%zz&&="))


def segments() -> Strategy:
    return st.one_of(
        st.sampled_from(["cdg1", "hnd1", "gru1", "0123456789ab", "reference.css", "..", "%00", "a" * 200]),
        texts().map(lambda text: text.replace("/", "").replace("\ud800", "") or "x"),
    )


HEADERS: dict[str, Strategy] = {
    "accept": st.sampled_from(
        ["*/*", "application/health+json", "application/openmetrics-text;version=1.0.0", "x"]
    ),
    "accept-encoding": st.sampled_from(["gzip", "identity;q=0", "br;q=nan", "*;q=0"]),
    "if-none-match": st.sampled_from(["*", '"x"', "W/", f'"{CANARY}"']),
    "if-match": st.sampled_from(["*", '"x"']),
    "if-modified-since": st.sampled_from(["Fri, 20 Nov 2026 13:00:00 GMT", CANARY]),
    "origin": st.sampled_from(["https://app.example", "https://evil.example", "null"]),
    "idempotency-key": st.sampled_from(["k" * 20, CANARY * 40, ""]),
    "x-correlation-id": st.sampled_from(["abc-1", "bad id", "x" * 200]),
    "cloudfront-viewer-latitude": st.sampled_from(["48.1", CANARY]),
    "host": st.sampled_from(["api.example.com", "[", CANARY]),
    "transfer-encoding": st.just("chunked"),
    "content-length": st.sampled_from(["0", "99999999999", "-1", "x"]),
}


SEEDED = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.body is not None], ids=lambda one: one.name
)
def test_bodies_that_nearly_fit_are_answered_as_told(
    api: Api, credentials: dict[str, dict[str, str]], operation: Operation
) -> None:
    """Those of a caller who may do all, so that nothing is refused before it is looked at."""
    assert operation.body is not None
    key_id = credentials["spare"]["id"]

    @settings(SEEDED, max_examples=NEARLY_OF_EACH)
    @given(body=SCHEMAS.nearly(operation.body), region=st.sampled_from(["hnd1", "gru1", CANARY]))
    def ask(body: object, region: str) -> None:
        parameters = {"id": key_id, "region": region}
        raw = json.dumps(body).encode()
        api.call(operation, raw_body=raw, headers=credentials["ADMIN"], parameters=parameters)

    ask()


@pytest.mark.parametrize(
    "operation",
    [
        one
        for one in OPERATIONS
        if any(given["in"] == "query" for given in one.described.get("parameters", []))
    ],
    ids=lambda one: one.name,
)
def test_queries_are_answered_as_told(
    api: Api, credentials: dict[str, dict[str, str]], operation: Operation
) -> None:
    @settings(SEEDED, max_examples=NEARLY_OF_EACH)
    @given(query=queries(operation))
    def ask(query: str) -> None:
        api.call(operation, query=query, headers=credentials["ADMIN"], parameters={"id": CANARY})

    ask()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_whatever_is_sent_is_answered_as_told(
    api: Api, credentials: dict[str, dict[str, str]], operation: Operation
) -> None:
    who = st.sampled_from(["ADMIN"] * 8 + sorted(credentials.keys() - {"spare"}))

    @settings(SEEDED, max_examples=EXAMPLES_OF_EACH)
    @given(
        body=bodies(operation),
        query=queries(operation),
        segment=segments(),
        headers=st.fixed_dictionaries({}, optional=HEADERS),
        who=who,
    )
    def ask(
        body: tuple[bytes | None, str], query: str, segment: str, headers: dict[str, str], who: str
    ) -> None:
        raw, content_type = body
        sent = {**headers, **credentials[who], **({"content-type": content_type} if raw is not None else {})}
        names = dict.fromkeys(("id", "region", "name"), segment)
        api.call(operation, raw_body=raw, parameters=names, query=query, headers=sent)

    ask()


def bounds() -> list[Any]:
    """Return each bound of a member of a body: what is at it, and what is beyond."""
    cases = []
    for operation in OPERATIONS:
        if operation.body is None:
            continue
        for name, member in SCHEMAS.resolved(operation.body)["properties"].items():
            one: dict[str, Any] = next(
                (found for found in member.get("anyOf", [member]) if found.get("type") != "null"), {}
            )
            values: list[tuple[str, Any, Any]] = []
            if one.get("type") in ("integer", "number"):
                values += [("minimum", one[key], one[key] - 1) for key in ("minimum",) if key in one]
                values += [("maximum", one[key], one[key] + 1) for key in ("maximum",) if key in one]
            if one.get("type") == "string" and "contentEncoding" not in one:
                values += [
                    ("minLength", "a" * one[key], "a" * (one[key] - 1))
                    for key in ("minLength",)
                    if key in one
                ]
                values += [
                    ("maxLength", "a" * one[key], "a" * (one[key] + 1))
                    for key in ("maxLength",)
                    if key in one
                ]
            words = one.get("items", one).get("enum") if one.get("type") in ("string", "array") else None
            if words:
                wrap = (lambda word: [word]) if one["type"] == "array" else (lambda word: word)
                values += [("enum", wrap(words[0]), wrap("nothing-of-that"))]
            cases += [
                pytest.param(operation, name, at, beyond, id=f"{operation.name}-{name}-{label}")
                for label, at, beyond in values
            ]
    return cases


@pytest.mark.parametrize(("operation", "member", "at", "beyond"), bounds())
def test_bounds_are_where_they_are_told(
    api: Api, house: House, operation: Operation, member: str, at: object, beyond: object
) -> None:
    key_id = house.make_key("GUEST").id
    shown = {"x-api-key": house.admin_key}

    def complaints(value: object) -> list[str]:
        body = {**next(iter(EXAMPLES[operation.name]["requests"].values())), member: value}
        answer = api.call(operation, body=body, headers=shown, parameters={"region": "hnd1", "id": key_id})
        if answer.status == 204:
            return []
        if answer.json().get("violation") in ("bad_method", "bad_url"):
            return ["/method", "/url"]
        assert answer.status < 300 or answer.status in (401, 409, 422, 429), answer.body
        return [one["pointer"] for one in answer.json().get("errors", [])]

    here = f"/{member}"
    assert any(one.startswith(here) for one in complaints(beyond))
    if member not in ("url", "tier"):  # a text can be short enough for one, and be none
        assert not any(one.startswith(here) for one in complaints(at))


def test_a_body_over_the_limit_is_refused_wherever_one_is_taken(
    api: Api, credentials: dict[str, dict[str, str]]
) -> None:
    large = b'{"body":"' + b"x" * 7_000_000 + b'"}'
    for operation in OPERATIONS:
        if operation.body is not None:
            answer: Answer = api.call(operation, raw_body=large, headers=credentials["ADMIN"])
            assert (answer.status, answer.json()["reason"]) == (413, "body_too_large")


def test_base64_that_says_it_is_text_and_is_not_is_answered(
    api: Api, credentials: dict[str, dict[str, str]]
) -> None:
    """What a gateway flags as base64 without need."""
    operation = BY_NAME["checkRateLimit"]
    raw = base64.b64encode(json.dumps({"subject": "u"}).encode())
    answer = api.call(operation, raw_body=raw, headers=credentials["ADMIN"])
    assert (answer.status, media_type(answer)) == (400, "application/problem+json")


def test_with_everything_gone_every_answer_is_as_told(
    environ: dict[str, str], credentials: dict[str, dict[str, str]]
) -> None:
    """No table and no secret can be had: what cannot be answered is 503 with a time to come back, and never 500."""
    api = Api({**environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    statuses = set()
    for operation in OPERATIONS:
        requests = EXAMPLES.get(operation.name, {}).get("requests", {})
        body = next(iter(requests.values())) if requests else None
        statuses.add(api.call(operation, body=body, headers=credentials["ADMIN"]).status)

    assert 503 in statuses
