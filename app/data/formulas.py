"""Formulas: KPIs that are computed from others, read from text and made into steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple, TypeAlias

from lark import Lark, Transformer, v_args
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError

from ..errors import InvalidFormulaError
from ..models import Aggregate

MAX_LENGTH = 1000
"""Characters that a formula may have."""

MAX_STEPS = 100
"""Operations of a formula, those of the formulas that it names included: what it may cost."""

GRAMMAR = r"""
?sum: product | sum "+" product -> add | sum "-" product -> subtract
?product: signed | product "*" signed -> multiply | product "/" signed -> divide
?signed: "-" signed -> negate | "+" signed | atom
?atom: NUMBER -> number | "(" sum ")" | AGGREGATE _OPEN CODE ")" -> operand | name
name: NAME | QUOTED

AGGREGATE.2: /(avg|sum|min|max|count|last)(?=\s*\()/i
_OPEN: "("
CODE: /\s*[A-Za-z0-9_.\-]{1,64}\s*/
NAME: /[A-Za-z_][A-Za-z0-9_.]{0,63}/
QUOTED: /"[A-Za-z0-9_.\-]{1,64}"/
NUMBER: /\d+(\.\d+)?([eE][+\-]?\d{1,3})?/
%ignore /\s+/
"""


class Number(NamedTuple):
    """A number as it was written."""

    text: str


class Operand(NamedTuple):
    """An aggregate of the raw rows of a KPI in the bucket."""

    code: str
    aggregate: Aggregate


class Reference(NamedTuple):
    """What another KPI says, by its own aggregate or formula; `column` counts from 1."""

    code: str
    column: int


class Operation(NamedTuple):
    """An operator, one of + - * /, between two expressions."""

    operator: str
    left: Expression
    right: Expression


Expression: TypeAlias = Number | Operand | Reference | Operation


class Step(NamedTuple):
    """An operation on two places in the list of numbers so far, to whose end its result goes."""

    operator: str
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Program:
    """A formula as steps over a list of numbers: first the operands, then the constants."""

    operands: tuple[Operand, ...]
    constants: tuple[str, ...]
    steps: tuple[Step, ...]


@v_args(inline=True)
class _Reader(Transformer[Any, Expression]):
    """Turns lark's tree into an expression."""

    def number(self, text: str) -> Expression:
        return Number(str(text))

    def operand(self, aggregate: str, code: str) -> Expression:
        return Operand(code.strip(), Aggregate(aggregate.lower()))

    def name(self, token: Any) -> Expression:
        return Reference(str(token).strip('"'), int(token.column))

    def negate(self, of: Expression) -> Expression:
        return Operation("-", Number("0"), of)

    def add(self, left: Expression, right: Expression) -> Expression:
        return Operation("+", left, right)

    def subtract(self, left: Expression, right: Expression) -> Expression:
        return Operation("-", left, right)

    def multiply(self, left: Expression, right: Expression) -> Expression:
        return Operation("*", left, right)

    def divide(self, left: Expression, right: Expression) -> Expression:
        return Operation("/", left, right)


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, start="sum", parser="lalr", maybe_placeholders=False)


def parse(text: str) -> Expression:
    """Read a formula; raise InvalidFormulaError with the place of what cannot be read."""
    if len(text) > MAX_LENGTH:
        raise InvalidFormulaError(f"a formula has at most {MAX_LENGTH} characters")
    if not text.strip():
        raise InvalidFormulaError("the formula is empty")
    try:
        return _Reader().transform(_parser().parse(text))
    except UnexpectedInput as error:
        raise InvalidFormulaError(_explain(text, error)) from None
    except (VisitError, RecursionError):
        raise InvalidFormulaError("the formula is nested too deeply") from None


def _explain(text: str, error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        missing = "a closing parenthesis" if "RPAR" in error.accepts else "a KPI or a number"
        return f"the formula ends too soon, after {text.strip()[-20:]!r}: {missing} is missing"
    rest = text[error.pos_in_stream or 0 :].strip()
    line = "" if "\n" not in text.strip() else f"line {error.line}, "
    return (
        f"the formula cannot be read from {line}character {error.column} on: {rest[:20]!r}; it is "
        "made of numbers, + - * /, parentheses, KPIs, and avg, sum, min, max, count or last of a "
        "KPI, such as 100 * sum(perfect_orders) / sum(orders)"
    )


def _leaves(expression: Expression) -> Iterator[Number | Operand | Reference]:
    waiting = [expression]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Operation):
            waiting += [found.right, found.left]
        else:
            yield found


def named(expression: Expression) -> list[str]:
    """Return the codes of the KPIs that an expression names, each once, in order."""
    found = (each.code for each in _leaves(expression) if not isinstance(each, Number))
    return list(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def codes_in(formula: str) -> frozenset[str] | None:
    """Return the codes of the KPIs that a text names; None where it is no formula."""
    try:
        return frozenset(named(parse(formula)))
    except InvalidFormulaError:
        return None


def compile_formula(
    code: str, formulas: Mapping[str, Expression], aggregates: Mapping[str, Aggregate]
) -> Program:
    """Return the program of a KPI's formula.

    `formulas` has all KPIs that are computed, `aggregates` those that are not and whose aggregate
    is not the average. Raises InvalidFormulaError for circles and for what is too large.
    """
    program = _Compiler(formulas, aggregates)
    try:
        program.add(formulas[code], (code,))
    except RecursionError:
        raise InvalidFormulaError(f"the formula of {code} is nested too deeply") from None
    if not program.operands:
        raise InvalidFormulaError(f"the formula of {code} names no KPI")
    return program.finished()


_Place: TypeAlias = tuple[str, int]
"""Where a value will be: among operands, constants or steps, and its number there."""


class _Compiler:
    """Collects operands and constants, then numbers the steps behind both."""

    def __init__(
        self, formulas: Mapping[str, Expression], aggregates: Mapping[str, Aggregate]
    ) -> None:
        self._formulas = formulas
        self._aggregates = aggregates
        self.operands: dict[Operand, int] = {}
        self._constants: dict[str, int] = {}
        self._steps: list[tuple[str, _Place, _Place]] = []

    def add(self, expression: Expression, path: tuple[str, ...]) -> _Place:
        """Take in an expression that was reached along `path`; return where its value will be."""
        if isinstance(expression, Number):
            return "constant", self._constants.setdefault(expression.text, len(self._constants))
        if isinstance(expression, Operation):
            left = self.add(expression.left, path)
            right = self.add(expression.right, path)
            self._steps.append((expression.operator, left, right))
            if len(self._steps) > MAX_STEPS:
                raise InvalidFormulaError(
                    f"the formula of {path[0]} takes more than {MAX_STEPS} operations, those of "
                    "the formulas that it names included"
                )
            return "step", len(self._steps) - 1
        code = expression.code
        if code in path:
            circle = " → ".join([*path[path.index(code) :], code])
            raise InvalidFormulaError(f"the formula of {path[0]} goes in a circle: {circle}")
        if isinstance(expression, Operand):
            if code in self._formulas:
                self.add(self._formulas[code], (*path, code))  # a circle is the worse mistake
                raise InvalidFormulaError(
                    f"{code} is computed itself, so it has no rows to take the "
                    f"{expression.aggregate} of: write {_written(code)} alone"
                )
            return self._operand(expression)
        if code in self._formulas:
            return self.add(self._formulas[code], (*path, code))
        return self._operand(Operand(code, self._aggregates.get(code, Aggregate.AVG)))

    def _operand(self, operand: Operand) -> _Place:
        return "operand", self.operands.setdefault(operand, len(self.operands))

    def finished(self) -> Program:
        """Return the program; places count from 1, as PostgreSQL's arrays do."""
        before = {"operand": 1, "constant": 1 + len(self.operands)}
        before["step"] = before["constant"] + len(self._constants)
        steps = [
            Step(operator, before[left[0]] + left[1], before[right[0]] + right[1])
            for operator, left, right in self._steps
        ]
        return Program(tuple(self.operands), tuple(self._constants), tuple(steps))


def _written(code: str) -> str:
    return code if code.replace(".", "_").isidentifier() else f'"{code}"'
