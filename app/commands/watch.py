"""`kpi-stream watch`: a channel in the terminal, reconnecting as a browser would."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections import deque
from typing import Any, TextIO

import httpx
import httpx_sse

from ..errors import KpiStreamError, causes
from ..models import Channel

CONNECT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 30.0
HISTORY = 30
"""Buckets in the line that is drawn."""

_BLOCKS = "▁▂▃▄▅▆▇█"
_CHANGES = ("value", "gap", "correction")

Json = dict[str, Any]


class Watch:
    """Shows one channel: on a terminal in one line that is drawn anew, else a line an event.

    `as_json` writes each event as one line of JSON. What is said of the connection goes to
    `errors`, so that `out` has the numbers alone.
    """

    def __init__(
        self, base_url: str, channel: Channel, out: TextIO, errors: TextIO, *, as_json: bool = False
    ) -> None:
        self._shown_url = base_url
        self._socket = base_url.removeprefix("unix:") if base_url.startswith("unix:") else None
        self._base_url = "http://localhost" if self._socket else _with_scheme(base_url)
        self._channel = channel
        self._out = out
        self._errors = errors
        self._as_json = as_json
        self._in_place = out.isatty() and not as_json
        self._entry: Json = {}
        self._buckets: deque[Json] = deque(maxlen=HISTORY)
        self._state = ""
        self._told = ""

    def run(self) -> None:
        """Watch until interrupted; raises KpiStreamError for what trying again would not change."""
        cursor, wait_seconds = "", 1.0
        idle_seconds = self._describe()
        while True:
            try:
                with self._client(idle_seconds) as client:
                    for event in self._events(client, cursor):
                        cursor = event.id or cursor
                        wait_seconds = event.retry / 1000 if event.retry else wait_seconds
                        self._understand(event)
                self._tell("the stream has ended; trying again")
            except httpx.HTTPError as error:
                self._lose(error)
                wait_seconds = min(wait_seconds * 1.5, LONGEST_WAIT_SECONDS)
            time.sleep(wait_seconds)

    def _client(self, idle_seconds: float) -> httpx.Client:
        return httpx.Client(
            timeout=httpx.Timeout(CONNECT_SECONDS, read=idle_seconds),
            follow_redirects=True,
            transport=None if self._socket is None else httpx.HTTPTransport(uds=self._socket),
        )

    def _lose(self, error: httpx.HTTPError) -> None:
        """Say that there is no connection; raise KpiStreamError where trying again is no use."""
        for cause in causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise KpiStreamError(
                    f"the certificate of {self._shown_url} is not trusted "
                    f"({cause.verify_message}): name the file of its authority in SSL_CERT_FILE"
                ) from None
        if isinstance(error, httpx.UnsupportedProtocol | httpx.TooManyRedirects):
            raise self._stranger(str(error)) from None
        if isinstance(error, httpx.RemoteProtocolError) and "illegal" in str(error):
            raise self._stranger("what it answers is no HTTP") from None
        self._tell(f"not connected ({error or type(error).__name__}); trying again")

    def _stranger(self, reason: str) -> KpiStreamError:
        return KpiStreamError(
            f"{self._shown_url} is not a kpi-stream server: {reason}; --url is the address that "
            "the dashboard has, such as http://127.0.0.1:8000"
        )

    def _understand(self, event: httpx_sse.ServerSentEvent) -> None:
        try:
            self._take(event.event, event.json() if event.data else {})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._stranger(
                f"this release cannot read its event {event.event!r}, as of another release"
            ) from None

    def _describe(self) -> float:
        """Learn the KPI's name, unit and decimals; return how long a silence means a dead link."""
        while True:
            try:
                _require_place(self._base_url)
                with self._client(CONNECT_SECONDS) as client:
                    answer = client.get(f"{self._base_url}/kpi")
                self._refuse_strangers(answer, "application/json")
                break
            except httpx.InvalidURL as error:
                raise self._stranger(str(error)) from None
            except httpx.HTTPError as error:
                self._lose(error)
                time.sleep(2.0)
        try:
            catalogue = answer.json()
            entries = {entry["code"]: entry for entry in catalogue["kpis"]}
            self._entry = entries.get(self._channel.code, {})
            return 2 * float(catalogue.get("heartbeat_seconds", 15)) + 5
        except (ValueError, KeyError, TypeError, AttributeError):
            raise self._stranger("its list of KPIs is none") from None

    def _events(self, client: httpx.Client, cursor: str) -> Any:
        url = f"{self._base_url}/kpi/{self._channel.code}/stream"
        parameters = {"period": self._channel.period.value, "history": str(HISTORY)}
        headers = {"Last-Event-ID": cursor} if cursor else {}
        with httpx_sse.connect_sse(
            client, "GET", url, params=parameters, headers=headers
        ) as source:
            self._refuse_strangers(source.response, "text/event-stream")
            yield from source.iter_sse()

    def _refuse_strangers(self, answer: httpx.Response, wanted: str) -> None:
        """Raise KpiStreamError for a refusal, and where the server is not one of ours."""
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if answer.status_code >= 500:
            raise httpx.HTTPError(f"the server answers {answer.status_code}")
        if kind == "application/problem+json":
            answer.read()
            try:
                raise KpiStreamError(str(answer.json()["detail"]))
            except (ValueError, KeyError, TypeError):
                raise self._stranger(f"it answers {answer.status_code}") from None
        if answer.status_code != 200 or kind != wanted:
            raise self._stranger(f"it answers {answer.status_code} with {kind or 'nothing'}")

    def _take(self, event: str, data: Json) -> None:
        """Take in one event and show it."""
        if self._as_json:
            self._out.write(json.dumps({"event": event} | data) + "\n")
            self._out.flush()
            return
        if event == "snapshot":
            self._buckets = deque(data["history"], maxlen=HISTORY)
            self._state = _state(data["state"])
        elif event in _CHANGES:
            starts = [bucket["bucket"] for bucket in self._buckets]
            if data["bucket"] in starts:
                self._buckets[starts.index(data["bucket"])] = data
            else:
                self._buckets.append(data)
        elif event == "status":
            self._state = _state(data)
        elif event == "end":
            raise KpiStreamError(f"the server has ended the stream: {data.get('reason')}")
        else:
            return
        self._show("" if event in ("snapshot", "value") else event)

    def _show(self, note: str) -> None:
        line = "  ".join(
            filter(None, [self._line(), note if note in ("gap", "correction") else ""])
        )
        self._told = ""
        self._out.write(f"\r{line}\x1b[K" if self._in_place else f"{line}\n")
        self._out.flush()

    def _line(self) -> str:
        """Return name, value with unit, change, the latest buckets drawn, time and state."""
        name = self._entry.get("name") or self._channel.code
        if not self._buckets:
            return f"{name}  no data yet"
        newest = self._buckets[-1]
        previous = self._buckets[-2]["value"] if len(self._buckets) > 1 else None
        change = ""
        if newest["value"] is not None and previous is not None:
            delta = newest["value"] - previous
            change = f"{'▲' if delta > 0 else '▼' if delta < 0 else '='} {self._number(abs(delta))}"
        value = "-" if newest["value"] is None else self._number(newest["value"])
        unit = self._entry.get("unit") or ""
        parts = [name, f"{value} {unit}".rstrip(), change, _sparkline(self._buckets)]
        return "  ".join(
            filter(None, [*parts, newest["bucket"], newest.get("status"), self._state])
        )

    def _number(self, value: float) -> str:
        decimals = self._entry.get("decimals")
        return f"{value:.6g}" if decimals is None else f"{value:,.{decimals}f}"

    def _tell(self, text: str) -> None:
        if text == self._told:
            return
        self._told = text
        self._errors.write(f"\n{text}\n" if self._in_place else f"{text}\n")
        self._errors.flush()


def _with_scheme(url: str) -> str:
    return (url if "://" in url else f"http://{url}").rstrip("/")


def _require_place(text: str) -> None:
    """Raise httpx.InvalidURL for what no server can have."""
    url = httpx.URL(text)
    if re.search(r"\s", text) or not url.host:
        raise httpx.InvalidURL("this is no URL")
    if url.port is not None and not 0 < url.port < 65_536:
        raise httpx.InvalidURL(f"{url.port} is no port")


def _state(state: Json) -> str:
    """Return nothing while data flows: that is no news."""
    return "" if state["state"] == "live" else f"{state['state']}: {state['reason']}"


def _sparkline(buckets: deque[Json]) -> str:
    values = [bucket["value"] for bucket in buckets]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1
    return "".join(
        " " if value is None else _BLOCKS[round((value - low) / span * (len(_BLOCKS) - 1))]
        for value in values
    )
