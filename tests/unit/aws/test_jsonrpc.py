"""When a call is repeated, when it must not be, and what it says in the end. No socket, no real time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import pytest

from edge.aws.connection import BrokenExchange, HttpAnswer
from edge.aws.credentials import Credentials, FixedCredentials
from edge.aws.dynamo import CancellationReason, ConditionFailed, DynamoDB, TransactionCanceled
from edge.aws.faults import AccessRefused, Refused, RequestInvalid, TableMissing, Unavailable
from edge.aws.retries import Budget
from edge.clock import ManualClock
from edge.problems import DependencyUnavailable, Unexpected

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.aws.wire import Item

NOW_MS = 1_700_000_000_000
Step: TypeAlias = HttpAnswer | BrokenExchange


def ok(document: object = None, **fields: str) -> HttpAnswer:
    named = {name.encode(): value.encode() for name, value in fields.items()}
    return HttpAnswer(200, named, json.dumps({} if document is None else document).encode())


def failed(code: str, status: int = 400, date: str = "", **members: object) -> HttpAnswer:
    document = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "SECRET", **members}
    return HttpAnswer(status, {b"date": date.encode()} if date else {}, json.dumps(document).encode())


class Script:
    """A transport that plays steps, lets time pass, and keeps the requests."""

    def __init__(self, *steps: Step, attempt_ms: int = 1) -> None:
        self.steps = list(steps)
        self.clock = ManualClock(now_ms=NOW_MS)
        self.pauses_ms: list[float] = []
        self.requests: list[bytes] = []
        self._attempt_ms = attempt_ms

    def connect(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is open."""

    def exchange(self, request: bytes, deadline_ns: int) -> HttpAnswer:
        assert deadline_ns > self.clock.monotonic_ns()
        self.requests.append(request)
        self.clock.advance(self._attempt_ms)
        step = self.steps.pop(0)
        if isinstance(step, BrokenExchange):
            raise step
        return step

    def sleep(self, seconds: float) -> None:
        self.pauses_ms.append(seconds * 1000)
        self.clock.advance(round(seconds * 1000))

    def client(
        self,
        *,
        budget: Budget = Budget(),  # noqa: B008 - immutable
        random: Callable[[], float] = lambda: 1.0,
        credentials: FixedCredentials | None = None,
    ) -> DynamoDB:
        return DynamoDB(
            region="eu-west-3",
            credentials=credentials or FixedCredentials(Credentials("AKIDEXAMPLE", "secret")),
            budget=budget,
            clock=self.clock,
            random=random,
            sleep=self.sleep,
            transport=self,
        )


SURELY_NOT_APPLIED = [
    failed("ProvisionedThroughputExceededException"),
    failed("ThrottlingException"),
    failed("RequestLimitExceeded"),
    failed("TransactionConflictException"),
    failed("ReplicatedWriteConflictException"),
    BrokenExchange("connection", sent=False),
    BrokenExchange("timed_out", sent=False),
]
AMBIGUOUS = [
    failed("InternalServerError", 500),
    failed("ServiceUnavailable", 503),
    failed("InternalServerError", 400),
    failed("TransactionInProgressException"),
    HttpAnswer(502, {}, b"<html>"),
    BrokenExchange("connection", sent=True),
    BrokenExchange("timed_out", sent=True),
    BrokenExchange("garbled", sent=True),
    HttpAnswer(200, {}, b"{"),
    HttpAnswer(200, {b"x-amz-crc32": b"1"}, b"{}"),
    HttpAnswer(400, {}, b"{}"),
    HttpAnswer(302, {}, b"{}"),
]


@pytest.mark.parametrize("step", SURELY_NOT_APPLIED, ids=repr)
def test_write_that_surely_did_nothing_is_repeated(step: Step) -> None:
    script = Script(step, ok({"Attributes": {"t": {"N": "1"}}}))
    assert script.client().update_item({}, repeatable=False) == {"t": {"N": "1"}}
    assert len(script.requests) == 2


@pytest.mark.parametrize("step", AMBIGUOUS, ids=repr)
def test_ambiguous_write_is_not_repeated(step: Step) -> None:
    script = Script(step)
    with pytest.raises(Unavailable) as caught:
        script.client().update_item({}, repeatable=False)
    assert caught.value.outcome_unknown
    assert len(script.requests) == 1
    assert script.pauses_ms == []


@pytest.mark.parametrize("step", AMBIGUOUS, ids=repr)
def test_ambiguous_write_is_repeated_where_that_is_harmless(step: Step) -> None:
    script = Script(step, ok())
    assert script.client().put_item({}, repeatable=True) == {}


@pytest.mark.parametrize("step", AMBIGUOUS + SURELY_NOT_APPLIED, ids=repr)
def test_read_is_repeated_and_leaves_nothing_unknown(step: Step) -> None:
    assert Script(step, ok({"Item": {"a": {"S": "x"}}})).client().get_item({}) == {"a": {"S": "x"}}
    with pytest.raises(Unavailable) as caught:
        Script(step, step, step).client().get_item({})
    assert not caught.value.outcome_unknown


def test_unknown_outcome_of_an_earlier_attempt_is_remembered() -> None:
    throttled = failed("ThrottlingException")
    script = Script(BrokenExchange("timed_out", sent=True), throttled, throttled)
    with pytest.raises(Unavailable) as caught:
        script.client().update_item({}, repeatable=True)
    assert caught.value.fault == "throttled"
    assert caught.value.outcome_unknown


def test_throttled_to_the_end_is_known_not_to_have_happened() -> None:
    script = Script(*[failed("ThrottlingException")] * 3)
    with pytest.raises(Unavailable) as caught:
        script.client().update_item({}, repeatable=False)
    assert (caught.value.fault, caught.value.outcome_unknown) == ("throttled", False)
    assert len(script.requests) == Budget().attempts


@pytest.mark.parametrize(
    ("code", "leaf"),
    [
        ("ValidationException", RequestInvalid),
        ("SerializationException", RequestInvalid),
        ("ResourceNotFoundException", TableMissing),
        ("AccessDeniedException", AccessRefused),
        ("ItemCollectionSizeLimitExceededException", Refused),
        ("ConditionalCheckFailedException", Refused),  # a read has no condition
    ],
)
def test_refusal_is_typed_and_not_repeated(code: str, leaf: type[Refused]) -> None:
    script = Script(failed(code))
    with pytest.raises(Refused) as caught:
        script.client().get_item({})
    assert type(caught.value) is leaf
    assert caught.value.code == code
    assert "SECRET" not in repr(caught.value) + str(caught.value)


def test_faults_belong_to_the_products_tree() -> None:
    assert issubclass(Unavailable, DependencyUnavailable)
    assert issubclass(Refused, Unexpected)
    fault = Unavailable("timed_out", outcome_unknown=True)
    assert (fault.status, fault.retry_after_seconds, fault.reason) == (503, 1, "dependency_unavailable")
    assert str(fault) == "timed_out, outcome unknown"


@pytest.mark.parametrize("code", ["Évil", "A B", "A\r\nB", "A" * 65, "", "Code9"])
def test_code_outside_its_alphabet_counts_as_garbled(code: str) -> None:
    with pytest.raises(Unavailable, match="garbled"):
        Script(*[failed(code)] * 3).client().get_item({})


def test_pauses_double_up_to_their_ceiling_and_are_jittered() -> None:
    budget = Budget(call_ms=100_000, attempts=8)
    script = Script(*[BrokenExchange("connection", sent=False)] * 8)
    with pytest.raises(Unavailable):
        script.client(budget=budget).get_item({})
    assert script.pauses_ms == [25, 50, 100, 200, 400, 400, 400]
    throttled = Script(*[failed("ThrottlingException")] * 3)
    with pytest.raises(Unavailable):
        throttled.client(random=lambda: 0.5).get_item({})
    assert throttled.pauses_ms == [25, 50]


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_attempts_are_bounded(attempts: int) -> None:
    script = Script(*[failed("ThrottlingException")] * attempts)
    with pytest.raises(Unavailable):
        script.client(budget=Budget(call_ms=60_000, attempts=attempts)).get_item({})
    assert len(script.requests) == attempts


def test_no_attempt_begins_when_the_budget_is_nearly_gone() -> None:
    script = Script(*[BrokenExchange("timed_out", sent=True)] * 9, attempt_ms=400)
    with pytest.raises(Unavailable):
        script.client(budget=Budget(attempts=9), random=lambda: 0.0).get_item({})
    assert len(script.requests) == 3
    assert script.clock.monotonic_ns() <= 1_200 * 1_000_000


def test_budget_of_a_call_goes_before_the_clients() -> None:
    script = Script(BrokenExchange("timed_out", sent=True), attempt_ms=250)
    with pytest.raises(Unavailable):
        script.client().get_item({}, budget_ms=250)
    assert len(script.requests) == 1


class Renewing(FixedCredentials):
    """Hands out other credentials after each refusal."""

    def __init__(self) -> None:
        super().__init__(Credentials("AKID1", "secret"))
        self.refused: list[Credentials | None] = []

    def current(self) -> Credentials:
        return (
            super().current() if not self.refused else Credentials(f"AKID{len(self.refused) + 1}", "secret")
        )

    def forget(self, refused: Credentials | None = None) -> None:
        self.refused.append(refused)


@pytest.mark.parametrize(
    "code", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"]
)
def test_refused_credentials_are_renewed_once_even_for_a_write(code: str) -> None:
    source, script = Renewing(), Script(failed(code), ok())
    assert script.client(credentials=source).update_item({}, repeatable=False) == {}
    assert [held.access_key_id for held in source.refused if held] == ["AKID1"]
    assert b"AKID2/" in script.requests[1]
    again = Script(failed(code), failed(code))
    with pytest.raises(Unavailable) as caught:
        again.client(credentials=Renewing()).update_item({}, repeatable=False)
    assert (caught.value.fault, caught.value.outcome_unknown) == ("credentials", False)


def test_wrong_clock_is_corrected_by_the_services() -> None:
    source = Renewing()
    date = "Tue, 14 Nov 2023 23:13:20 GMT"  # an hour after NOW_MS
    script = Script(failed("InvalidSignatureException", date=date), ok(), ok())
    client = script.client(credentials=source)
    assert client.get_item({}) is None
    assert b"x-amz-date: 20231114T221320Z" in script.requests[0]
    assert b"x-amz-date: 20231114T231320Z" in script.requests[1]
    assert source.refused == []
    client.get_item({})
    assert b"x-amz-date: 20231114T231320Z" in script.requests[2]


def test_missing_credentials_are_unavailable() -> None:
    class Without(FixedCredentials):
        def current(self) -> Credentials:
            raise Unavailable("credentials", outcome_unknown=False)

    script = Script()
    with pytest.raises(Unavailable, match="credentials"):
        script.client(credentials=Without(Credentials("A", "b"))).get_item({})
    assert script.requests == []


def test_failed_condition_is_a_result_with_the_old_item() -> None:
    item: Item = {"pk": {"S": "a"}}
    with_item = Script(failed("ConditionalCheckFailedException", Item=item))
    assert with_item.client().delete_item({}, repeatable=False) == ConditionFailed(item=item)
    without = Script(failed("ConditionalCheckFailedException"))
    assert without.client().put_item({}, repeatable=False) == ConditionFailed(item=None)


def test_cancelled_transaction_tells_its_reasons() -> None:
    reasons = [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Message": "SECRET", "Item": {"pk": {"S": "a"}}},
        {"Code": "TransactionConflict"},
    ]
    script = Script(failed("TransactionCanceledException", CancellationReasons=reasons))
    assert script.client().transact_write_items({}, repeatable=False) == TransactionCanceled(
        (
            CancellationReason(None, None),
            CancellationReason("ConditionalCheckFailed", {"pk": {"S": "a"}}),
            CancellationReason("TransactionConflict", None),
        )
    )


def test_transaction_that_lost_a_race_is_repeated() -> None:
    reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
    script = Script(failed("TransactionCanceledException", CancellationReasons=reasons), ok())
    assert script.client().transact_write_items({}, repeatable=False) is None


def test_unprocessed_keys_are_asked_for_again() -> None:
    first = {
        "Responses": {"T": [{"pk": {"S": "a"}}]},
        "UnprocessedKeys": {"T": {"Keys": [{"pk": {"S": "b"}}]}},
    }
    second = {"Responses": {"T": [{"pk": {"S": "b"}}]}, "UnprocessedKeys": {}}
    script = Script(ok(first), ok(second))
    request = {"RequestItems": {"T": {"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}]}}, "X": "kept"}
    assert script.client().batch_get_item(request) == {"T": [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}]}
    assert json.loads(script.requests[1].partition(b"\r\n\r\n")[2]) == {
        "RequestItems": first["UnprocessedKeys"],
        "X": "kept",
    }
    assert script.pauses_ms == [50]
    never = Script(*[ok(first)] * 3)
    with pytest.raises(Unavailable, match="throttled"):
        never.client().batch_get_item(request)


def test_pages_follow_the_last_key() -> None:
    last = {"pk": {"S": "a"}}
    script = Script(ok({"Items": [{"n": {"N": "1"}}], "LastEvaluatedKey": last}), ok({"Items": []}))
    pages = list(script.client().pages({"TableName": "T"}))
    assert [page.items for page in pages] == [[{"n": {"N": "1"}}], []]
    assert json.loads(script.requests[1].partition(b"\r\n\r\n")[2]) == {
        "TableName": "T",
        "ExclusiveStartKey": last,
    }


@pytest.mark.parametrize("document", [{"Item": [1]}, {"Item": "x"}])
def test_member_of_the_wrong_shape_counts_as_garbled(document: object) -> None:
    with pytest.raises(Unavailable, match="garbled"):
        Script(ok(document)).client().get_item({})


def test_encoded_request_goes_out_as_it_is() -> None:
    script = Script(ok())
    script.client().get_item(b'{"TableName": "T"}')
    assert script.requests[0].endswith(b'\r\n\r\n{"TableName": "T"}')


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}])
def test_request_that_is_no_json_never_leaves(value: object) -> None:
    script = Script()
    with pytest.raises((TypeError, ValueError)):
        script.client().get_item({"x": value})
    assert script.requests == []
