"""The dashboard and its files."""

from __future__ import annotations

from quart import Quart, Response, request
from werkzeug.exceptions import NotFound

from ...settings import Settings
from ..boundary import page_policy
from ..conditional import conditional
from ..prefix import ClientPrefix, redirect_to_own_address, way_home
from ..web_files import File, WebFiles

ASK_EACH_TIME = "no-cache"
FOR_GOOD = "public, max-age=31536000, immutable"
ENTRIES = {"kpi-tile.js", "kpi-group.js", "kpi-stream.js"}
"""What other sites' pages load: led on to the release of now, whose parts belong together."""
KEPT = ("vendor/", "icon")
"""What a page of an earlier release may still ask for: it is the same in all of them."""


def install(app: Quart, settings: Settings) -> None:
    """Add the routes of the dashboard."""
    files = WebFiles()
    root = settings.root_path
    prefix = ClientPrefix(settings)

    async def page() -> Response:
        if (elsewhere := redirect_to_own_address(root)) is not None:
            return elsewhere
        # A proxy that says what it took away may have taken it without its slash: `/kpi`.
        below = prefix.of(request)
        home = f"{below}/" if below else way_home(root, request.scope["path"])
        file, script = files.page(home)
        response = await _answer(file, ASK_EACH_TIME)
        response.headers["Content-Security-Policy"] = page_policy(settings, f"'self' {script}")
        return response

    @app.get("/")
    async def index() -> Response:
        return await page()

    @app.get("/b/<slug>")
    async def board_page(slug: str) -> Response:  # the page itself reads its address
        return await page()

    @app.get("/docs")
    async def docs() -> Response:
        return redirect_to_own_address(root) or await _answer(files.get("docs.html"), ASK_EACH_TIME)

    @app.get("/sign-in")
    async def sign_in() -> Response:
        return redirect_to_own_address(root) or await _answer(
            files.get("sign-in.html"), ASK_EACH_TIME
        )

    @app.get("/web/<path:name>")
    async def file(name: str) -> Response:
        if name in ENTRIES:
            # Relative, since a proxy may have taken a part of the address away.
            home = way_home(root, request.scope["path"])
            headers = {
                "Location": f"{home}web.{files.digest}/{name}",
                "Cache-Control": ASK_EACH_TIME,
            }
            return Response(b"", 302, headers)
        return await _answer(files.get(name), ASK_EACH_TIME)

    @app.get("/web.<digest>/<path:name>")
    async def web(digest: str, name: str) -> Response:
        if digest == files.digest:
            return await _answer(files.get(name), FOR_GOOD)
        if name.startswith(KEPT):
            return await _answer(files.get(name), ASK_EACH_TIME)
        raise NotFound("this file belongs to another release of the page")


async def _answer(file: File, cache: str) -> Response:
    """Return the file, compressed for those who take that, or 304 to those who have it."""
    zipped = request.accept_encodings.quality("gzip") > 0
    response = Response(file.zipped if zipped else file.plain, content_type=file.content_type)
    response.headers["Cache-Control"] = cache
    response.headers["Vary"] = "Accept-Encoding"
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    return await conditional(response, f"{file.etag}-gzip" if zipped else file.etag)
