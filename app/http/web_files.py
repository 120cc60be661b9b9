"""The dashboard's files, held in memory: a first visit asks for dozens of them at once."""

from __future__ import annotations

import base64
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from .. import release

_ENTRIES = ("start.js", "main.js")
_IMPORT = re.compile(r"^(?:import|export)[^;]*?'(\.[^']+)';", re.MULTILINE)
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_MAX_PAGES = 16
"""Kept of as many releases and homes; proxies may name any."""
_STYLED_BY = ("colours.css", "tile/tile.css", "tile/views.css")
"""Files that modules fetch as soon as they run."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was when it had this version, and the same compressed."""

    version: tuple[int, int]
    content_type: str
    etag: str
    plain: bytes
    zipped: bytes


class WebFiles:
    """The files of a folder; one that was changed is read anew.

    The page names its files by a folder `web.<digest>`, which stands for the content of all of
    them: they are cached for good, and files of two releases never meet in one page.
    """

    def __init__(self, folder: Path = release.WEB) -> None:
        self.version = release.version(folder)
        self._folder = folder
        self._held: dict[Path, File] = {}
        self._digest = (self._seen(), self.version)
        self._pages: dict[tuple[str, str], tuple[File, str]] = {}

    @property
    def digest(self) -> str:
        """What stands for the content of all files as they are now."""
        seen = self._seen()
        if seen != self._digest[0]:
            self._digest = (seen, release.version(self._folder))
        return self._digest[1]

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
                held = self._held[path] = make_file(path.name, path.read_bytes(), version)
        except (OSError, ValueError):  # ValueError: a NUL in the name
            raise NotFound from None
        return held

    def page(self, home: str = "") -> tuple[File, str]:
        """Return the page, and the source of its own script for a Content-Security-Policy.

        `home` is where the dashboard is, as seen from the address of the page.
        It is put into the page as it is.
        """
        key = (self.digest, home)
        if key not in self._pages:
            if len(self._pages) >= _MAX_PAGES:
                self._pages.clear()
            self._pages[key] = self._make_page(home)
        return self._pages[key]

    def _make_page(self, home: str) -> tuple[File, str]:
        html = (self._folder / "index.html").read_text(encoding="utf-8")
        scripts = "".join(_INLINE.findall(html))
        hashed = base64.b64encode(hashlib.sha256(scripts.encode()).digest()).decode()
        folder = f"{home}web.{self.digest}/"
        links = [f'<link rel="modulepreload" href="{folder}{name}" />' for name in self._modules()]
        links += [
            f'<link rel="preload" as="fetch" crossorigin href="{folder}{name}" />'
            for name in _STYLED_BY
        ]
        head = [f'<meta name="kpi-version" content="{self.version}" />', *links]
        html = re.sub(r'\b(href|src)="web/', rf'\1="{folder}', html)
        html = html.replace(
            "    <title>", "\n".join(f"    {each}" for each in head) + "\n    <title>"
        )
        return make_file("index.html", html.encode(), (0, 0)), f"'sha256-{hashed}'"

    def _modules(self) -> Iterator[str]:
        """Find what the page imports: one found only while another is read would wait for it."""
        found: list[Path] = []
        queue = [self._folder / name for name in _ENTRIES]
        while queue:
            module = queue.pop(0)
            if module not in found:
                found.append(module)
                names = _IMPORT.findall(module.read_text(encoding="utf-8"))
                queue += [(module.parent / name).resolve() for name in names]
        yield from (str(module.relative_to(self._folder.resolve())) for module in found)

    def _seen(self) -> tuple[tuple[str, int, int], ...]:
        """Return what changes when a file is changed, without reading any."""
        found = ((path, path.stat()) for path in release.files(self._folder))
        return tuple((str(path), status.st_mtime_ns, status.st_size) for path, status in found)


def make_file(name: str, content: bytes, version: tuple[int, int]) -> File:
    """Return content as the file of that name."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind == "image/svg+xml"
    return File(
        version,
        f"{kind}; charset=utf-8" if text else kind,
        hashlib.blake2b(content, digest_size=12).hexdigest(),
        content,
        gzip.compress(content, mtime=0),
    )
