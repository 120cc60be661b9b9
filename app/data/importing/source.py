"""Where lines come from: a file that can be resumed, or a pipe that can be given up."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import os
import select
import zlib
from pathlib import Path
from typing import NamedTuple, cast

import zstandard

from ...errors import InvalidParameterError
from .foreign import refuse_foreign
from .layout import Layout, Options, find_layout

_SAMPLE_BYTES = 65_536
_SAMPLE_LINES = 22
_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
_POLL_SECONDS = 0.2
_PIECE_BYTES = 1024

SAME_FILE_BYTES = 16
"""The part of a fingerprint that is the same however a file was edited after its first lines."""


def fingerprint(path: Path, position: int) -> bytes:
    """Return a hash of what lies before `position` bytes of the file, by its beginning and end.

    What follows may change or grow: an import goes on where it stood. The first 16 bytes are a hash
    of the first two lines alone, which tell another file from this one with an earlier line edited.
    """
    digest = hashlib.sha256(position.to_bytes(8, "big"))
    with path.open("rb") as file:
        begin = file.read(min(position, _SAMPLE_BYTES))
        first_lines = hashlib.sha256(b"\n".join(begin.split(b"\n", 2)[:2])).digest()
        digest.update(begin)
        file.seek(max(0, position - _SAMPLE_BYTES))
        digest.update(file.read(min(position, _SAMPLE_BYTES)))
    return first_lines[:SAME_FILE_BYTES] + digest.digest()


class Pipe(io.RawIOBase):
    """The bytes of a file descriptor, read in a thread that can be told to stop.

    A thread that waits in read() for a pipe nobody writes to could never be joined.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_stopped = False

    def stop(self) -> None:
        """Let the reader see the end of its input within _POLL_SECONDS."""
        self._is_stopped = True

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what is there; wait while there is nothing."""
        while not self._is_stopped:
            if select.select([self._descriptor], [], [], _POLL_SECONDS)[0]:
                return os.readv(self._descriptor, [buffer])
        return 0


class Head(io.RawIOBase):
    """A stream whose first bytes have been looked at already, and come again."""

    def __init__(self, head: bytes, rest: io.RawIOBase) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        """Read from the head, then from the rest."""
        if not self._head:
            return self._rest.readinto(buffer)
        count = min(len(buffer), len(self._head))
        buffer[:count], self._head = self._head[:count], self._head[count:]
        return count


class ZstandardFrames(io.RawIOBase):
    """What is in frames of Zstandard; the library's own reader takes one that is cut off as whole.

    It is read in small pieces, since each may unfold to many thousand times its size.
    """

    def __init__(self, source: io.BufferedReader[io.RawIOBase]) -> None:
        self._source = source
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._left = b""

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read and decompress some of it; raises EOFError where a frame is cut off."""
        while not self._left:
            self._packed = self._packed or self._source.read(_PIECE_BYTES)
            if not self._packed:
                if self._frame is not None:
                    raise EOFError("a frame is not whole")
                return 0
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._left = self._frame.decompress(self._packed)
            self._packed = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = None
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


class Unpacked(io.RawIOBase):
    """What was compressed; that it is cut off or damaged is an OSError."""

    def __init__(self, reader: io.RawIOBase) -> None:
        self._reader = reader

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        """Read and decompress some of it."""
        try:
            return self._reader.readinto(buffer)
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
            raise OSError(f"it is cut off or damaged ({error}): nothing of it is loaded") from None


def peek(stream: io.RawIOBase, *, lines: int) -> bytes:
    """Read the beginning of a stream: so many lines, or what fits the sample, or all there is."""
    head = b""
    while len(head) < _SAMPLE_BYTES and head.count(b"\n") < lines:
        some = stream.read(_SAMPLE_BYTES - len(head))
        if not some:
            break
        head += some
    return head


def plain(stream: io.RawIOBase, head: bytes) -> io.RawIOBase:
    """Return a stream that began with `head`, decompressed if it is gzip or Zstandard."""
    whole = Head(head, stream)
    # Both are read like raw streams, without being of that class.
    if head.startswith(_GZIP):
        return Unpacked(cast(io.RawIOBase, gzip.GzipFile(fileobj=io.BufferedReader(whole))))
    if head.startswith(_ZSTANDARD):
        return Unpacked(ZstandardFrames(io.BufferedReader(whole)))
    return whole


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins so has to be decompressed."""
    return head.startswith((_GZIP, _ZSTANDARD))


def find_encoding(head: bytes, said: str | None) -> str:
    """Return the encoding of a text that begins so; raise InvalidParameterError.

    Without a mark at its beginning a text that is no UTF-8 is taken for what Excel writes on
    Windows.
    """
    if said is not None:
        try:
            return codecs.lookup(said).name
        except LookupError:
            raise InvalidParameterError(
                f"--encoding: {said!r} is none; such are utf-8, utf-16, cp1252 and latin-1"
            ) from None
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        # Every second byte of Latin letters is zero there.
        if head[first::2].count(0) > len(head) / 4:
            return encoding
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


class Utf8(io.RawIOBase):
    """The bytes of a text in another encoding as UTF-8; lines stay lines."""

    def __init__(self, source: io.BufferedReader[io.RawIOBase], encoding: str) -> None:
        self._text = io.TextIOWrapper(source, encoding, newline="")
        self._left = b""

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read and translate some of the text."""
        if not self._left:
            try:
                self._left = self._text.read(4096).encode()
            except UnicodeError as error:
                raise OSError(f"it is not {self._text.encoding}: {error}") from None
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


class Text(NamedTuple):
    """A text to read lines from, and how they say their rows.

    `resumable` is whether a position in it is one in the file, so that it can be gone on with.
    """

    source: io.BufferedReader[io.RawIOBase]
    layout: Layout
    resumable: bool


def open_text(raw: io.RawIOBase, options: Options) -> Text:
    """Return what a file or a stream says, from its beginning; may block.

    Raises InvalidParameterError where it does not say how to read it, OSError.
    """
    head = peek(raw, lines=_SAMPLE_LINES)
    compressed = is_compressed(head)
    inner = plain(raw, head)
    if compressed:
        head = peek(inner, lines=_SAMPLE_LINES)
        inner = Head(head, inner)
    refuse_foreign(head)
    encoding = find_encoding(head, options.encoding)
    wide = encoding.replace("-", "").replace("_", "").startswith(("utf16", "utf32"))
    source = io.BufferedReader(inner)
    if wide:
        source = io.BufferedReader(Utf8(source, encoding))
    text = head.decode(encoding, "replace").removeprefix("\ufeff")
    begin, newline, _ = text.rpartition("\n")  # the last line may be cut
    layout = find_layout(begin if newline else text, "utf-8" if wide else encoding, options)
    return Text(source, layout, not compressed and not wide)
