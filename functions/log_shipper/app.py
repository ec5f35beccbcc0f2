"""Ships the lines of the other functions: log groups hand them over, and a queue brings back what was not taken."""

from __future__ import annotations

from json import loads
from typing import TYPE_CHECKING, Any

# Imported while the container starts, when the processor is not throttled; no request waits for this function.
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.cloud_watch_logs_event import CloudWatchLogsDecodedData

from edge.clock import SystemClock
from edge.composition.shipping import open_shipping
from edge.composition.telemetry import counted
from edge.settings import Settings
from edge.telemetry.shipping_events import unpacked_event
from edge.telemetry.shipping_records import LogEvent

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

settings = Settings.from_env()
clock = SystemClock()
shipping = open_shipping(settings, clock)

DATA = "DATA_MESSAGE"
"""The other type, ``CONTROL_MESSAGE``, asks whether anybody is there."""


def ship(event: dict[str, Any], context: Any) -> object:
    """Ship what a log group or the queue hands over; the queue is told which of its messages it has to bring back."""
    with shipping.begin(context.get_remaining_time_in_millis) as run:
        if "awslogs" not in event:

            def ship_again(record: SQSRecord) -> None:  # Powertools passes it by this name
                run.ship_again(record.body)

            processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
            return process_partial_response(event, ship_again, processor, context)
        logs = CloudWatchLogsDecodedData(loads(unpacked_event(event["awslogs"]["data"])))
        if logs.message_type == DATA:
            events = (LogEvent(line.get_id, line.timestamp, line.message) for line in logs.log_events)
            run.ship(events, log_group=logs.log_group, log_stream=logs.log_stream)
    return None


handler = counted(ship, settings, clock)
