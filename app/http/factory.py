"""Puts the application together."""

from __future__ import annotations

from quart import Quart

from ..service import Service
from . import auth, boundary, problems
from .direct import DirectHTTPConnection
from .routes import control, pages, session, snapshots, streams
from .trouble_log import TroubleLog


def create_app(service: Service) -> Quart:
    """Return the Quart application of a service that is open."""
    app = Quart("app.http", static_folder=None)
    app.url_map.strict_slashes = False
    app.asgi_http_class = DirectHTTPConnection
    trouble = TroubleLog()
    problems.install(app, trouble)
    boundary.install(app, service.settings)
    auth.install(app, service)
    snapshots.install(app, service)
    streams.install(app, service, trouble)
    session.install(app, service)
    control.install(app, service)
    pages.install(app)
    return app
