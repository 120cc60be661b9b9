"""How KPIs become numbers: their aggregates and formulas, as the statements that read take them."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..errors import InvalidFormulaError
from ..models import Aggregate, Target
from .formulas import Expression, Program, compile_formula, parse

log = logging.getLogger(__name__)

_parsed = lru_cache(maxsize=16_384)(parse)


@dataclass(frozen=True, slots=True)
class Definitions:
    """The KPIs that are not averages or have a target; `digest` tells one set from another."""

    digest: str
    aggregates: Mapping[str, Aggregate]
    programs: Mapping[str, Program]
    wrong: Mapping[str, str]
    targets: Mapping[str, Target]
    _asked: dict[tuple[str, ...], dict[str, Any]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @classmethod
    def read(cls, digest: str, rows: Iterable[Mapping[str, Any]]) -> Definitions:
        """Make them of rows of the catalogue as text; a formula that is wrong gives no values."""
        aggregates: dict[str, Aggregate] = {}
        formulas: dict[str, Expression] = {}
        wrong: dict[str, str] = {}
        targets: dict[str, Target] = {}
        for row in rows:
            code, aggregate = row["code"], row["aggregate"]
            if row["target"] is not None:
                targets[code] = Target(
                    row["direction"],
                    _number(row["target"]),
                    _number(row["warning"]),
                    None if row["decimals"] is None else int(_number(row["decimals"]) or 0),
                )
            try:
                if row["formula"]:
                    formulas[code] = _parsed(row["formula"])
                elif aggregate is not None and aggregate != Aggregate.AVG:
                    aggregates[code] = Aggregate(aggregate)
            except InvalidFormulaError as error:
                wrong[code] = str(error)
            except ValueError:
                wrong[code] = f"{aggregate!r} is no aggregate"
        programs: dict[str, Program] = {}
        for code in formulas:
            try:
                programs[code] = compile_formula(code, formulas, aggregates)
            except InvalidFormulaError as error:
                wrong[code] = str(error)
        for code, reason in wrong.items():
            log.warning("%s in kpi_catalog has no values: %s", code, reason)
        return cls(digest, aggregates, programs, wrong, targets)

    def of(self, code: str) -> Aggregate | Program | None:
        """Return how a KPI is made; None where nothing can be made of it."""
        if code in self.wrong:
            return None
        return self.programs.get(code) or self.aggregates.get(code, Aggregate.AVG)

    def needed(self, code: str) -> set[Aggregate]:
        """Return the aggregates of raw rows that a KPI is made of."""
        program = self.programs.get(code)
        if program is None:
            return {self.aggregates.get(code, Aggregate.AVG)}
        return {operand.aggregate for operand in program.operands}

    def arguments(self, firsts: Mapping[str, int]) -> dict[str, Any]:
        """Return what the statements in `queries/reads` take: codes, how each is made, from when.

        `firsts` has by code the start of the first bucket that is wanted, in seconds.
        """
        if self.programs or self.wrong:
            special = self.programs.keys() | self.wrong.keys()
            codes = [code for code in firsts if code not in special]
        else:
            codes = list(firsts)
        computed = tuple(code for code in firsts if code in self.programs)
        average, aggregates = Aggregate.AVG, self.aggregates
        formulas = self._formulas(computed)
        return formulas | {
            "codes": codes,
            "aggregates": (
                [aggregates.get(code, average) for code in codes]
                if aggregates
                else [average] * len(codes)
            ),
            "firsts": [firsts[code] for code in codes],
            "operand_firsts": [firsts[computed[at - 1]] for at in formulas["operand_formulas"]],
        }

    def _formulas(self, computed: tuple[str, ...]) -> dict[str, Any]:
        """Return the arguments that say how these KPIs are computed; ticks ask for the same."""
        found = self._asked.get(computed)
        if found is None:
            if len(self._asked) >= _REMEMBERED:
                self._asked.clear()
            found = self._asked[computed] = self._formula_arguments(computed)
        return found

    def _formula_arguments(self, computed: tuple[str, ...]) -> dict[str, Any]:
        programs = [self.programs[code] for code in computed]
        operands = [
            (at, place, operand.code, operand.aggregate)
            for at, program in enumerate(programs, start=1)
            for place, operand in enumerate(program.operands)
        ]
        steps = [
            (at, number, *step)
            for at, program in enumerate(programs, start=1)
            for number, step in enumerate(program.steps, start=1)
        ]
        return {
            "formulas": computed,
            "operand_counts": [len(program.operands) for program in programs],
            "constants": ["{" + ",".join(program.constants) + "}" for program in programs],
            "step_counts": [len(program.steps) for program in programs],
            "operand_formulas": [operand[0] for operand in operands],
            "operand_places": [operand[1] for operand in operands],
            "operand_codes": [operand[2] for operand in operands],
            "operand_aggregates": [operand[3] for operand in operands],
            "operand_is_first": _firsts(operands),
            "step_formulas": [step[0] for step in steps],
            "step_numbers": [step[1] for step in steps],
            "operators": [step[2] for step in steps],
            "left_places": [step[3] for step in steps],
            "right_places": [step[4] for step in steps],
        }


_REMEMBERED = 32

AVERAGES = Definitions("0", {}, {}, {}, {})
"""What there is without a catalogue: every KPI is an average."""


def _number(text: str | None) -> float | None:
    """Return a number of the catalogue; None for what is none, in a catalogue of the user's own."""
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _firsts(operands: Sequence[tuple[int, int, str, str]]) -> list[bool]:
    """Return which operand is the first of its KPI in its formula: its rows count once."""
    seen: set[tuple[int, str]] = set()
    found = []
    for formula, _, code, _ in operands:
        found.append((formula, code) not in seen)
        seen.add((formula, code))
    return found
