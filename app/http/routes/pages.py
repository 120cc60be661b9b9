"""The dashboard's files."""

from __future__ import annotations

from pathlib import Path

from quart import Blueprint, Response, send_from_directory

WEB = Path(__file__).parents[3] / "web"


def blueprint() -> Blueprint:
    """Return the routes of the dashboard; a browser asks each time whether a file is still good."""
    routes = Blueprint("pages", __name__, static_folder=WEB, static_url_path="/web")

    @routes.get("/")
    async def index() -> Response:
        return await send_from_directory(WEB, "index.html", conditional=True)

    @routes.after_request
    async def ask_each_time(response: Response) -> Response:
        # Modules of two releases must never meet in one page.
        response.headers["Cache-Control"] = "no-cache"
        del response.headers["Expires"]
        return response

    return routes
