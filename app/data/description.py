"""What the catalogue is told of a KPI: checked as a whole, compared, and written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import InvalidCodeError, InvalidDescriptionError, InvalidFormulaError
from ..models import Aggregate, is_text, parse_code
from .database import Connection, Database, fetch, load_queries
from .formulas import Expression, compile_formula, named, parse

_TEXTS = {"name", "unit", "formula", "group", "description"}
_NUMBERS = {"target", "warning", "lower", "upper"}
ATTRIBUTES = (
    "name",
    "unit",
    "decimals",
    "direction",
    "target",
    "warning",
    "aggregate",
    "formula",
    "group",
    "description",
    "lower",
    "upper",
)
MAX_DECIMALS = 15

Description = dict[str, Any]
"""The attributes of a KPI that are set, by name."""


class Change(NamedTuple):
    """A KPI before and after; None where it is not in the catalogue."""

    code: str
    before: Description | None
    after: Description | None

    def lines(self) -> Iterator[str]:
        """Say what changes, a line each."""
        if self.before is None or self.after is None:
            sign, told = ("+", self.after) if self.before is None else ("-", self.before)
            yield f"{sign} {self.code}"
            for name, value in (told or {}).items():
                yield f"{sign}   {name}: {value}"
            return
        yield f"~ {self.code}"
        for name in ATTRIBUTES:
            old, new = self.before.get(name), self.after.get(name)
            if old != new:
                if old is not None:
                    yield f"-   {name}: {old}"
                if new is not None:
                    yield f"+   {name}: {new}"


def checked(code: str, told: Mapping[str, Any]) -> Description:
    """Return the attributes of a KPI as they are kept; raise InvalidDescriptionError.

    None and empty texts are attributes that are not set.
    """
    try:
        parse_code(code)
        found = {
            name: _checked(name, value)
            for name, value in told.items()
            if value is not None and value != ""
        }
    except (InvalidCodeError, ValueError) as error:
        raise InvalidDescriptionError(f"{code}: {error}") from None
    if found.get("aggregate") == Aggregate.AVG:
        del found["aggregate"]
    if "formula" in found and "aggregate" in found:
        raise InvalidDescriptionError(f"{code}: it has a formula, so it can have no aggregate")
    target, warning = found.get("target"), found.get("warning")
    if warning is not None:
        if target is None or "direction" not in found:
            raise InvalidDescriptionError(f"{code}: a warning needs a target and a direction")
        if (warning > target) if found["direction"] == "up" else (warning < target):
            raise InvalidDescriptionError(f"{code}: the warning {warning:g} is beyond the target")
    if "lower" in found and "upper" in found and found["lower"] >= found["upper"]:
        raise InvalidDescriptionError(f"{code}: lower is not below upper")
    return {name: found[name] for name in ATTRIBUTES if name in found}


def _checked(name: str, value: Any) -> Any:
    """Return the value of an attribute; raise ValueError with a sentence."""
    if name not in ATTRIBUTES:
        raise ValueError(f"{name!r} is no attribute; there are {', '.join(ATTRIBUTES)}")
    if name in _TEXTS:
        return _text(name, str(value).strip())
    if name == "direction":
        if value not in ("up", "down"):
            raise ValueError("direction is up or down, the better way")
        return value
    if name == "aggregate":
        if value not in set(Aggregate):
            raise ValueError(f"aggregate is one of {', '.join(Aggregate)}")
        return str(value)
    try:
        number = float("" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is no number: {value!r}") from None
    if name in _NUMBERS:
        if not math.isfinite(number):
            raise ValueError(f"{name} is no finite number")
        return number
    if number not in range(MAX_DECIMALS + 1):
        raise ValueError(f"decimals is a whole number from 0 to {MAX_DECIMALS}")
    return int(number)


def _text(name: str, value: str) -> str:
    if not is_text(value):
        raise ValueError(f"{name} has a character that is none; write it in UTF-8")
    return value


def check_formulas(catalogue: Mapping[str, Description], with_data: Iterable[str]) -> None:
    """Raise InvalidDescriptionError for the first formula that is wrong, or names no KPI."""
    known = {*catalogue, *with_data}
    texts = {code: told["formula"] for code, told in catalogue.items() if "formula" in told}
    aggregates = {
        code: Aggregate(told["aggregate"])
        for code, told in catalogue.items()
        if "aggregate" in told
    }
    formulas: dict[str, Expression] = {}
    for code, text in texts.items():
        try:
            formulas[code] = parse(text)
        except InvalidFormulaError as error:
            raise InvalidDescriptionError(f"{code}: {error}") from None
        for name in named(formulas[code]):
            if name not in known:
                raise InvalidDescriptionError(
                    f"{code}: its formula names {name!r} at character {text.find(name) + 1}, "
                    "which is no KPI: neither the catalogue nor the data has it"
                )
    for code in formulas:
        try:
            compile_formula(code, formulas, aggregates)
        except InvalidFormulaError as error:
            raise InvalidDescriptionError(f"{code}: {error}") from None


class CatalogueEditor:
    """Reads and writes the catalogue's table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queries = load_queries("catalogue_edit")

    async def read(self) -> dict[str, Description]:
        """Return what is told of each KPI; raises DatabaseUnavailableError, ConfigurationError."""
        return await self._database.read(self._rows)

    async def write(self, changes: Iterable[Change]) -> None:
        """Make changes, all or none.

        Raises InvalidDescriptionError where somebody else has changed one of these KPIs meanwhile.
        """
        async with self._database.transaction() as connection:
            await self._queries.lock(connection)
            there = await self._rows(connection)
            for code, before, after in changes:
                if there.get(code) != before:
                    raise InvalidDescriptionError(f"{code} was changed by somebody else just now")
                if after is None:
                    await self._queries.remove_kpi(connection, code=code)
                else:
                    await self._queries.put_kpi(connection, code=code, **_columns(after))

    async def _rows(self, connection: Connection) -> dict[str, Description]:
        rows = await fetch(connection, self._queries.rows)
        return {row["code"]: _told(row) for row in rows}


def _columns(told: Description) -> dict[str, Any]:
    columns = {name: told.get(name) for name in ATTRIBUTES}
    columns["group_name"] = columns.pop("group")
    columns["aggregate"] = columns["aggregate"] or Aggregate.AVG.value
    return columns


def _told(row: Any) -> Description:
    told = {name: row["group_name" if name == "group" else name] for name in ATTRIBUTES}
    if told["aggregate"] == Aggregate.AVG or told["formula"]:
        told["aggregate"] = None
    return {name: value for name, value in told.items() if value is not None and value != ""}
