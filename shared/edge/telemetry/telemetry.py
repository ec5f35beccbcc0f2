"""What a function does about its numbers: counts each answer, and now and then writes what it counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.telemetry.flushing import Flusher
    from edge.telemetry.recorder import Recorder


class Telemetry:
    """
    The two halves as the boundary holds them.

    Args:
        recorder: counts.
        flusher: writes; None where nothing is kept, and then what is counted serves nobody.

    Attributes:
        record: :meth:`edge.telemetry.recorder.Recorder.record` itself: it is called for every request.
    """

    def __init__(self, recorder: Recorder, flusher: Flusher | None) -> None:
        self.record = recorder.record
        self._flusher = flusher

    def flush_if_due(self) -> None:
        """Write if it is time; call it before an answer is handed over, after :attr:`record`. Never raises."""
        if self._flusher is not None:
            self._flusher.flush_if_due()
