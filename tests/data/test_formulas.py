"""Formulas: what they mean, and one clear sentence with the place where they are wrong."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.formulas import MAX_STEPS, Program, compile_formula, named, parse
from app.errors import InvalidFormulaError
from app.models import Aggregate

VALUES = {"a": 3, "b": 5, "on-time": 7, "plant.1": 11}


def program(formula: str, aggregates: dict[str, Aggregate] | None = None) -> Program:
    return compile_formula("f", {"f": parse(formula)}, aggregates or {})


def evaluated(formula: str) -> Fraction:
    """Evaluate as PostgreSQL does, with every KPI's aggregate its value here."""
    compiled = program(formula)
    numbers = [Fraction(VALUES[operand.code]) for operand in compiled.operands]
    numbers += map(Fraction, compiled.constants)
    for operator, left, right in compiled.steps:
        one, other = numbers[left - 1], numbers[right - 1]
        match operator:
            case "+":
                numbers.append(one + other)
            case "-":
                numbers.append(one - other)
            case "*":
                numbers.append(one * other)
            case _:
                numbers.append(one / other)
    return numbers[-1]


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("100 * sum(a) / sum(b)", Fraction(60)),
        ("avg(a) - avg(b) - 1", Fraction(-3)),
        ("a - (b - 1)", Fraction(-1)),
        ('-"on-time" + 2 * -a', Fraction(-13)),
        ("LAST( plant.1 )/a", Fraction(11, 3)),
        ("max(on-time) - min(on-time)", Fraction(0)),
        ("1.5e2*a", Fraction(450)),
        ("a\n  / b", Fraction(3, 5)),
    ],
)
def test_what_formulas_mean(formula: str, value: Fraction) -> None:
    assert evaluated(formula) == value


trees = st.recursive(
    st.sampled_from(["a", "sum(b)", "2", '"on-time"']),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
    max_leaves=12,
)


@given(trees)
def test_arithmetic_is_that_of_the_language(formula: str) -> None:
    if not named(parse(formula)):
        return
    spoken = formula.replace("sum(b)", "5").replace('"on-time"', "7").replace("a", "3")
    assert evaluated(formula) == eval(spoken)  # noqa: S307


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("", "is empty"),
        ("sum(a) / ", r"ends too soon, after 'sum\(a\) /'"),
        ("(sum(a)", "a closing parenthesis is missing"),
        ("sum(a) + * 2", r"from character 10 on: '\* 2'"),
        ("sum(a * b)", r"from character 7 on: '\* b\)'"),
        ("median(a)", r"from character 7 on: '\(a\)'"),
        ("a $ b", r"from character 3 on: '\$ b'"),
        ("a\n+ b ) c", "line 2, character 5"),
        ("pg_sleep(9)", "from character 9 on"),
        ("2 + 2", "names no KPI"),
        ("f + 1", "in a circle: f → f"),
        ("+".join(["a"] * 150), f"more than {MAX_STEPS} operations"),
        ("a" * 1001, "at most 1000 characters"),
        ("-" * 900 + "a", "nested too deeply"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(formula: str, said: str) -> None:
    with pytest.raises(InvalidFormulaError, match=said):
        program(formula)


def test_formulas_may_name_formulas_but_not_in_a_circle() -> None:
    formulas = {
        "rate": parse("100 * sum(good) / sum(all)"),
        "lost": parse("100 - rate"),
        "one": parse("two + 1"),
        "two": parse("sum(one)"),
        "odd": parse("sum(rate)"),
    }
    lost = compile_formula("lost", formulas, {})
    assert [operand.code for operand in lost.operands] == ["good", "all"]
    with pytest.raises(InvalidFormulaError, match="in a circle: one → two → one"):
        compile_formula("one", formulas, {})
    with pytest.raises(InvalidFormulaError, match="rate is computed itself"):
        compile_formula("odd", formulas, {})


def test_a_kpi_alone_stands_for_its_own_value() -> None:
    aggregates = {"a": Aggregate.LAST}
    operands = program("a + b", aggregates).operands
    assert [operand.aggregate for operand in operands] == [Aggregate.LAST, Aggregate.AVG]
