"""How numbers are put into sentences."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return `count` and the noun, with an s where there is not one: `1 row`, `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
