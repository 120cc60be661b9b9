"""`kpi-stream watch`: a channel in the terminal, reconnecting as a browser would."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from .errors import KpiStreamError
from .models import Channel

IDLE_TIMEOUT_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 30.0


def watch(base_url: str, channel: Channel, say: Callable[[str], None]) -> None:
    """Print each event of a channel until interrupted; raises KpiStreamError on a refusal."""
    url = f"{base_url.rstrip('/')}/kpi/{channel.code}/stream?" + urlencode(
        {"period": channel.period.value, "history": "1"}
    )
    cursor, wait_seconds = "", 1.0
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": cursor} if cursor else {})
        try:
            request = urllib.request.Request(url, headers=headers)  # noqa: S310
            with urllib.request.urlopen(request, timeout=IDLE_TIMEOUT_SECONDS) as response:  # noqa: S310
                for name, value in _fields(response):
                    if name == "retry":
                        wait_seconds = int(value) / 1000
                    elif name == "id":
                        cursor = value
                    elif name == "event":
                        event = value
                    elif name == "data" and (line := _line(event, json.loads(value))):
                        say(line)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                problem = json.loads(error.read() or b"{}")
                raise KpiStreamError(problem.get("detail", str(error))) from None
            say(f"the server answers {error.code}; trying again")
        except (OSError, ValueError) as error:
            say(f"not connected ({error}); trying again")
            wait_seconds = min(wait_seconds * 1.5, LONGEST_WAIT_SECONDS)
        time.sleep(wait_seconds)


def _fields(lines: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.decode().rstrip("\r\n").partition(": ")
        if colon and name:
            yield name, value


def _line(event: str, data: dict[str, object]) -> str | None:
    if event == "ping":
        return None
    if event == "snapshot":
        current = data["current"]
        return _line("snapshot of", current) if isinstance(current, dict) else "no data yet"
    if "bucket" in data:
        value = "-" if data["value"] is None else f"{data['value']:.6g}"
        return f"{data['bucket']}  {value:>12}  {event}"
    return f"{event}: {data.get('reason') or data.get('state')}"
