"""Time zones for tests."""

from zoneinfo import ZoneInfo


def zone(name: str = "UTC") -> ZoneInfo:
    return ZoneInfo(name)
