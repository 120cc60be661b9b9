"""Which buckets changed while a client was away, told from a few words instead of every digest.

A client's cursor cannot carry a digest per bucket: 120 minutes of 50 channels would be far too
long for a header. It carries the *syndromes* of its window instead, as a Reed-Solomon code does:
word k is the sum of digest · positionᵏ over the window, in the field of integers modulo 2³¹ - 1.
The difference between a client's words and the words of today's window depends on the changed
buckets alone, and 2t words locate up to t of them exactly (Peterson; decoded here with Berlekamp
and Massey's algorithm, IEEE Trans. Inf. Theory 15(1), 1969). Where more than t changed, that is
noticed and the answer is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

MODULUS = 2**31 - 1

_LANE_BYTES = 16
"""Room for the sum of 2**66 changes."""


class Sketch:
    """The syndromes of a window of digests, kept up to date as buckets come, change and leave.

    All words are kept in one integer, side by side and not yet reduced, so that a change is one
    multiplication and one addition whatever the number of words.
    """

    __slots__ = ("_lanes", "_sums")

    def __init__(self, words: int) -> None:
        self._lanes = words
        self._sums = 0

    def change(self, position: int, old_digest: int, new_digest: int) -> None:
        """Replace the digest at `position`; a gap and what lies outside have the digest 0."""
        if old_digest != new_digest:
            # Not negative, so no lane ever borrows from the next; each gets less than 2**62.
            delta = (_element(new_digest) - _element(old_digest)) % MODULUS
            self._sums += delta * _powers(position, self._lanes)

    def words(self, count: int) -> list[int]:
        """Return the first `count` words."""
        raw = self._sums.to_bytes(self._lanes * _LANE_BYTES, "little")
        return [
            int.from_bytes(raw[at : at + _LANE_BYTES], "little") % MODULUS
            for at in range(0, count * _LANE_BYTES, _LANE_BYTES)
        ]


def locate(then: Sequence[int], now: Sequence[int], positions: Iterable[int]) -> list[int] | None:
    """Return the positions at which two windows differ, in ascending order.

    `then` and `now` are words of the two windows over the same `positions`. None means that more
    positions differ than the words of the shorter can locate.
    """
    differences = [(b - a) % MODULUS for a, b in zip(then, now, strict=False)]
    if not any(differences):
        return []
    locator = _shortest_recurrence(differences)
    changed = len(locator) - 1
    if 2 * changed > len(differences):
        return None
    found = [position for position in sorted(positions) if _is_root(locator, position)]
    return found if len(found) == changed else None


def _element(digest: int) -> int:
    """Map a digest into the field so that nothing but a gap's 0 becomes 0."""
    return digest % (MODULUS - 1) + 1 if digest else 0


@lru_cache(maxsize=8192)
def _powers(position: int, count: int) -> int:
    """Return the powers 0 to `count` - 1 of a position, a lane each; every channel asks for it."""
    lanes, power = 0, 1
    for lane in range(count):
        lanes |= power << (lane * _LANE_BYTES * 8)
        power = power * position % MODULUS
    return lanes


def _shortest_recurrence(sequence: Sequence[int]) -> list[int]:
    """Return the connection polynomial of the shortest recurrence (Berlekamp-Massey)."""
    current, previous = [1], [1]
    length, shift, previous_discrepancy = 0, 1, 1
    for n in range(len(sequence)):
        discrepancy = (
            sum(current[i] * sequence[n - i] for i in range(min(length, len(current) - 1) + 1))
            % MODULUS
        )
        if discrepancy == 0:
            shift += 1
            continue
        saved = list(current)
        factor = discrepancy * pow(previous_discrepancy, -1, MODULUS) % MODULUS
        current += [0] * (len(previous) + shift - len(current))
        for i, coefficient in enumerate(previous):
            current[i + shift] = (current[i + shift] - factor * coefficient) % MODULUS
        if 2 * length <= n:
            length, previous, previous_discrepancy, shift = n + 1 - length, saved, discrepancy, 1
        else:
            shift += 1
    return (current + [0] * (length + 1))[: length + 1]


def _is_root(locator: Sequence[int], position: int) -> bool:
    """Whether 1 / `position` is a root of the locator polynomial."""
    value = 0
    for coefficient in locator:
        value = (value * position + coefficient) % MODULUS
    return value == 0
