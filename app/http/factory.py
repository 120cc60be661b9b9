"""Puts the application together."""

from __future__ import annotations

from quart import Quart

from app.http import origins, problems
from app.http.direct import DirectHTTPConnection
from app.http.routes import control, pages, snapshots, streams
from app.service import Service


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
