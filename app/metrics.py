"""What is counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Metrics:
    """Counts since the process started, and what is open now."""

    streams_opened: int = 0
    slow_readers_closed: int = 0
    streams_expired: int = 0
    cursors_refused: int = 0
    bursts_delivered: int = 0
    database_failures: int = 0
    messages_received: int = 0
    messages_missed: int = 0
    messaging_failures: int = 0
