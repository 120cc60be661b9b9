"""Puts the application together."""

from __future__ import annotations

from quart import Quart

from ..service import Service
from . import auth, boundary, limits, problems
from .direct import ROOT_PATH, DirectHTTPConnection
from .routes import boards, control, docs, pages, session, snapshots, streams, values
from .trouble_log import TroubleLog


def create_app(service: Service) -> Quart:
    """Return the Quart application of a service that is open."""
    app = Quart(__name__, static_folder=None)
    app.url_map.strict_slashes = False
    app.config[ROOT_PATH] = service.settings.root_path
    app.asgi_http_class = DirectHTTPConnection
    trouble = TroubleLog()
    problems.install(app, trouble)
    boundary.install(app, service.settings)
    limits.count_addresses(app, service)
    auth.install(app, service)
    limits.count_subjects(app, service)
    snapshots.install(app, service)
    streams.install(app, service, trouble)
    values.install(app, service)
    session.install(app, service)
    boards.install(app, service)
    control.install_probe(app)
    if service.settings.admin_bind is None:
        control.install_admin(app, service)
    docs.install(app)
    pages.install(app, service.settings)
    return app


def create_admin_app(service: Service) -> Quart:
    """Return the application for those who run the server, on an address of their own."""
    app = Quart(__name__, static_folder=None)
    problems.install(app, TroubleLog())
    control.install_probe(app)
    control.install_admin(app, service, guarded=False)
    return app
