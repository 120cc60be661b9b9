"""The dashboard's files, held in memory: a first visit asks for dozens of them at once."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from quart import Quart, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from ..conditional import conditional

WEB = Path(__file__).parents[3] / "web"

HEADERS = {
    # Modules of two releases must never meet in one page, so a browser asks each time.
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was when it had this version, and the same compressed."""

    version: tuple[int, int]
    content_type: str
    etag: str
    plain: bytes
    zipped: bytes


class Files:
    """The files of a folder; one that was changed is read anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[Path, File] = {}

    def get(self, name: str) -> File:
        """Return the file of that name; raise NotFound where there is none in the folder."""
        joined = safe_join(str(self._folder), name)
        if joined is None:
            raise NotFound
        path = Path(joined)
        try:
            status = path.stat()
            version = (status.st_mtime_ns, status.st_size)
            held = self._held.get(path)
            if held is None or held.version != version:
                held = self._held[path] = _read(path, version)
        except (OSError, ValueError):  # no file system has a name with a null character
            raise NotFound from None
        return held


def _read(path: Path, version: tuple[int, int]) -> File:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind == "image/svg+xml"
    return File(
        version,
        f"{kind}; charset=utf-8" if text else kind,
        hashlib.blake2b(content, digest_size=12).hexdigest(),
        content,
        gzip.compress(content, mtime=0),
    )


def install(app: Quart) -> None:
    """Add the routes of the dashboard."""
    files = Files(WEB)

    @app.get("/")
    async def index() -> Response:
        return await _answer(files.get("index.html"))

    @app.get("/sign-in")
    async def sign_in() -> Response:
        return await _answer(files.get("sign-in.html"))

    @app.get("/web/<path:name>")
    async def file(name: str) -> Response:
        return await _answer(files.get(name))


async def _answer(file: File) -> Response:
    """Return the file, compressed for those who take that, or 304 to those who have it."""
    zipped = request.accept_encodings.quality("gzip") > 0
    response = Response(file.zipped if zipped else file.plain, content_type=file.content_type)
    response.headers.update(HEADERS)
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    return await conditional(response, f"{file.etag}-gzip" if zipped else file.etag)
