"""Puts the application together."""

from __future__ import annotations

from quart import Quart

from ..service import Service
from . import origins, problems
from .direct import DirectHTTPConnection
from .routes import control, pages, snapshots, streams


def create_app(service: Service) -> Quart:
    """Return the Quart application of a service that is open."""
    app = Quart("app.http", static_folder=None)
    app.url_map.strict_slashes = False
    app.asgi_http_class = DirectHTTPConnection
    problems.install(app)
    origins.install(app, service.settings)
    snapshots.install(app, service)
    streams.install(app, service)
    control.install(app, service)
    pages.install(app)
    return app
