"""Whether the three views are such as can be served, and the views that make them so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ...models import Period
from ...settings import Settings
from ..timescale.catalog import VIEWS
from .findings import Finding, error, fine, mend, warning
from .relations import Relation

INIT = "kpi-stream db init"

NUMBERS = {"bigint", "double precision", "integer", "numeric", "real", "smallint"}
WHOLE = {"bigint", "integer", "numeric", "smallint"}
TEXTS = {"text", "character varying"}
CODES = TEXTS | {"bigint", "character", "integer", "name", "smallint", "uuid"}
"""Types whose text can be a code."""

OPTIONAL = {"data_points": WHOLE, "min_value": NUMBERS, "max_value": NUMBERS}

_AVG_OF_AVG = re.compile(r"\bavg\s*\(\(*(?:[\w\"]+\.)*\"?avg_value\b", re.IGNORECASE)

_KINDS = {"v": "VIEW", "m": "MATERIALIZED VIEW", "r": "TABLE", "p": "TABLE", "f": "FOREIGN TABLE"}


class Shapes:
    """Looks at the views' columns; `own` is whether `db init` makes and mends these views."""

    def __init__(
        self, relations: Mapping[str, Relation], settings: Settings, *, own: bool, made: set[str]
    ) -> None:
        self._relations = relations
        self._zone = settings.timezone
        self._own = own
        self._made = made

    def look(self, view: str) -> Iterator[Finding]:
        """Yield what is wrong with the shape of a view; an error where it cannot be served."""
        relation = self._relations.get(view)
        if relation is None:
            yield error(f"the view {view} is missing", self._missing(view))
            return
        if not relation.filled:
            yield error(
                f"{view} is a materialised view that was never filled", mend("fill", view=view)
            )
            return
        columns = relation.columns
        missing = [name for name in ("bucket", "kpi_code", "avg_value") if name not in columns]
        for name in missing:
            yield error(
                f"{view} has no column {name}, only {', '.join(sorted(columns))}: give the one "
                f"that is meant this name, with AS {name} in the view",
                INIT if self._own else None,
            )
        if missing:
            return
        yield from self._types(view, relation)
        for name in OPTIONAL:
            if name not in columns:
                yield fine(f"{view} has no {name}: it is served without")

    def _types(self, view: str, relation: Relation) -> Iterator[Finding]:
        cure: str | None = self.adapted(view)
        columns = relation.columns
        if columns["bucket"] == "timestamp without time zone":
            yield warning(
                f"{view}.bucket is timestamp without time zone: it is taken for UTC; where it is "
                "another zone's, put that in the place of UTC",
                cure,
            )
            cure = None
        elif columns["bucket"] != "timestamp with time zone":
            yield error(f"{view}.bucket is {columns['bucket']}, not timestamp with time zone", cure)
            cure = None
        if columns["kpi_code"] not in CODES:
            yield error(f"{view}.kpi_code is {columns['kpi_code']}, not text", cure)
            cure = None
        numbers = {"avg_value": NUMBERS, **OPTIONAL}
        for name, types in numbers.items():
            found = columns.get(name)
            if found is not None and found not in types:
                yield error(f"{view}.{name} is {found}, not {' or '.join(sorted(types))}", cure)
                cure = None

    def averaged(self, view: str, definition: str) -> Iterator[Finding]:
        """Yield that a view averages averages, if its definition says so."""
        if not _AVG_OF_AVG.search(definition):
            return
        cure = None
        if view != VIEWS[Period.MINUTE] and self._weighable:
            aside = mend("weighed", view=view, kind=self._kind(view))
            cure = f"{aside}\n{self._coarser(view)}"
        elif self._own:
            cure = INIT
        yield error(
            f"{view} is an average of averages: minutes with few rows count as much as those with "
            "many",
            cure,
        )

    def adapted(self, view: str, *, codes: bool = False) -> str:
        """Return what puts a view of the right shape before one; `codes` makes all codes valid."""
        columns = self._relations[view].columns
        code = columns["kpi_code"]
        said = ["kpi_code" if code in TEXTS else "kpi_code::text AS kpi_code"]
        if code in {"json", "jsonb"}:
            said = ["kpi_code #>> '{}' AS kpi_code"]
        if codes:
            said = [
                "left(regexp_replace(kpi_code::text, '[^A-Za-z0-9_.-]', '_', 'g'), 64) AS kpi_code"
            ]
        said.insert(0, _bucket(columns["bucket"]))
        for name, types in {"avg_value": NUMBERS, **OPTIONAL}.items():
            found = columns.get(name)
            if found is not None:
                wanted = "bigint" if name == "data_points" else "double precision"
                way = "::numeric" if found == "money" else ""
                said.append(name if found in types else f"{name}{way}::{wanted} AS {name}")
        where = "\nWHERE kpi_code::text <> ''" if codes else ""
        return mend("adapt", kind=self._kind(view), view=view, columns=", ".join(said), where=where)

    def _kind(self, view: str) -> str:
        return "MATERIALIZED VIEW" if view in self._made else _KINDS[self._relations[view].kind]

    @property
    def _weighable(self) -> bool:
        minute = self._relations.get(VIEWS[Period.MINUTE])
        return minute is not None and {"bucket", "kpi_code", "avg_value", "data_points"} <= set(
            minute.columns
        )

    def _missing(self, view: str) -> str | None:
        if self._own or not any(name in self._relations for name in VIEWS.values()):
            return INIT
        if view != VIEWS[Period.MINUTE] and self._weighable:
            return self._coarser(view)
        return None

    def _coarser(self, view: str) -> str:
        period = next(period for period, name in VIEWS.items() if name == view)
        minute = self._relations[VIEWS[Period.MINUTE]].columns
        extremes = "".join(
            f",\n    {function}({name}) AS {name}"
            for name, function in {"min_value": "min", "max_value": "max"}.items()
            if name in minute
        )
        zone = self._zone if period is Period.DAY else "UTC"
        return mend("coarser", view=view, period=period.value, zone=zone, extremes=extremes)


def _bucket(kind: str) -> str:
    if kind == "timestamp with time zone":
        return "bucket"
    if kind in NUMBERS:
        return "to_timestamp(bucket) AS bucket"
    return "bucket::timestamp AT TIME ZONE 'UTC' AS bucket"
