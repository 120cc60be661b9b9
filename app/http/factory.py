"""Puts the application together."""

from __future__ import annotations

from quart import Quart

from app.http import origins, problems
from app.http.routes import control, pages, snapshots, streams
from app.service import Service


def create_app(service: Service) -> Quart:
    """Return the Quart application of a service that is open."""
    app = Quart("app.http", static_folder=None)
    app.url_map.strict_slashes = False
    problems.install(app)
    origins.install(app, service.settings)
    app.register_blueprint(snapshots.blueprint(service))
    app.register_blueprint(streams.blueprint(service))
    app.register_blueprint(control.blueprint(service))
    app.register_blueprint(pages.blueprint())
    return app
