"""How people write numbers and times, where there is one way alone to read them."""

from __future__ import annotations

import re

SPACES = " \u00a0\u202f'\u2019"
"""What thousands are set apart with, besides the mark that is not the decimal one."""
_GROUPS = {
    ".": re.compile(
        rf"[+-]?\d{{1,3}}(?:(?:[{SPACES}]\d{{3}})+(?:\.\d+)?|(?:,\d{{3}})+\.\d+|(?:,\d{{3}}){{2,}})"
    ),
    ",": re.compile(
        rf"[+-]?\d{{1,3}}(?:(?:[{SPACES}]\d{{3}})+(?:,\d+)?|(?:\.\d{{3}})+,\d+|(?:\.\d{{3}}){{2,}})"
    ),
}
"""By decimal mark: numbers with separators of thousands that can be nothing else."""

_DATE = re.compile(
    r"(?P<first>\d{1,2})(?P<mark>[./-])\d{1,2}(?P=mark)(?P<year>\d{4}|\d{2})"
    r"(?:(?P<gap>,? )\d{1,2}:\d\d(?P<seconds>:\d\d)?(?P<half> ?[AaPp][Mm])?)?"
)
_EXCEL = re.compile(r"[345]\d{4}(?:[.,]\d+)?")
_LAST_MONTH = 12


def without_groups(text: str, decimal: str) -> str:
    """Return a number without its separators of thousands; others as they are."""
    if _GROUPS[decimal].fullmatch(text) is None:
        return text
    return re.sub(rf"[{SPACES}{',' if decimal == '.' else '.'}]", "", text)


def ways_to_say(time: str) -> str:
    """Return the options that may say how `time` is written."""
    if _EXCEL.fullmatch(time):
        return "--time excel, if it is a day as Excel counts them"
    found = _DATE.fullmatch(time)
    if found is None:
        return "--time '%d.%m.%Y %H:%M'"
    mark, year = found["mark"], "%Y" if len(found["year"]) == 4 else "%y"
    clock = ""
    if found["gap"]:
        half = "" if not found["half"] else " %p" if found["half"].startswith(" ") else "%p"
        clock = (
            f"{found['gap']}{'%I' if half else '%H'}:%M{':%S' if found['seconds'] else ''}{half}"
        )
    day_first = f"--time '%d{mark}%m{mark}{year}{clock}'"
    month_first = f"--time '%m{mark}%d{mark}{year}{clock}'"
    if int(found["first"]) > _LAST_MONTH or mark == ".":
        return day_first
    if int(time.split(mark)[1]) > _LAST_MONTH:
        return month_first
    return f"{month_first} where the month comes first, {day_first} where the day does"
