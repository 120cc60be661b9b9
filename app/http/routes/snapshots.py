"""The catalogue and the snapshots."""

from __future__ import annotations

import asyncio
import gzip

from quart import Quart, Response, request

from ...access.caller import Caller, Right
from ...data.formulas import codes_in
from ...live import events
from ...live.events import Encoded
from ...models import CatalogueEntry
from ...service import Service
from .. import auth, parameters
from ..conditional import conditional

_LONG_BYTES = 65_536
_LEVEL = 1
"""The quickest: 50,000 KPIs take a thread 50 ms and become a tenth."""


def install(app: Quart, service: Service) -> None:
    """Add the routes under `/kpi` that answer at once."""

    @app.get("/kpi")
    async def catalogue() -> Response:
        caller = auth.caller()
        entries = [
            entry
            for entry in await service.catalogue.entries()
            if caller.may(Right.LIST, entry.code)
        ]
        return await _answer(
            events.encode(
                {
                    "kpis": [_shown(entry, caller) for entry in entries],
                    "timezone": service.settings.timezone,
                    "heartbeat_seconds": service.settings.heartbeat_seconds,
                    "periods": [period.value for period in service.repository.grids],
                    "version": service.hub.page_version,
                }
            )
        )

    @app.get("/kpi/<code>")
    async def snapshot(code: str) -> Response:
        channel = parameters.channel(request, code)
        history = parameters.history(request)
        end = parameters.end(request)
        partial = parameters.partial(request)
        auth.caller().require(Right.SEE, [channel])
        if service.hub.live(channel) is None:
            await auth.require_channel(service, channel)
        if end is not None:
            return await _answer(await service.snapshots.before(channel, end, history))
        return await _answer(await service.snapshots.get(channel, history, partial=partial))


def _shown(entry: CatalogueEntry, caller: Caller) -> events.Json:
    """Return an entry of the catalogue; a formula that names KPIs of others is not told."""
    shown = events.catalogue_json(entry)
    if entry.formula and not caller.grants.read.every:
        codes = codes_in(entry.formula)
        if codes is None or not all(caller.may(Right.LIST, code) for code in codes):
            shown["formula"] = None
    return shown


async def _answer(encoded: Encoded) -> Response:
    """Return what was encoded, compressed where it is long: a catalogue may have megabytes."""
    body, etag = encoded.body, encoded.etag
    long = len(body) > _LONG_BYTES
    zipped = long and request.accept_encodings.quality("gzip") > 0
    if zipped:
        body = await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)
        etag += "-gzip"
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    if long:
        response.vary.add("Accept-Encoding")
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    return await conditional(response, etag)
