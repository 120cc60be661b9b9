"""Puts the application together."""

from __future__ import annotations

from quart import Quart

from ..service import Service
from . import boundary, problems
from .direct import DirectHTTPConnection
from .routes import control, pages, snapshots, streams
from .trouble_log import TroubleLog


def create_app(service: Service) -> Quart:
    """Return the Quart application of a service that is open."""
    app = Quart(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.asgi_http_class = DirectHTTPConnection
    trouble = TroubleLog()
    problems.install(app, trouble)
    boundary.install(app, service.settings)
    snapshots.install(app, service)
    streams.install(app, service, trouble)
    control.install(app, service)
    pages.install(app)
    return app
