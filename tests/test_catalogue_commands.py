"""`kpi-stream kpi` and `kpi-stream catalog`, as somebody at a terminal uses them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from app.cli import main
from app.data.database import Database
from app.data.description import Change, checked
from app.data.rollups import Rollups
from app.errors import InvalidDescriptionError
from app.settings import Settings
from tests.world import execute

FILE = """
orders: {name: Orders, aggregate: sum, decimals: 0, group: Sales}
perfect_orders:
  aggregate: sum
fulfilment:
  unit: "%"
  formula: 100 * sum(perfect_orders) / sum(orders)
  direction: up
  target: 95
  warning: 90
empty:
"""


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KPI_DATABASE_URL", database_url)
    runner = CliRunner()

    def invoke(*arguments: str, **options: Any) -> Result:
        return runner.invoke(main, arguments, **options)

    return invoke


def test_a_kpi_is_set_listed_and_removed(run: Any) -> None:
    assert run("kpi", "set", "orders", "--aggregate", "sum", "--unit", "pcs").exit_code == 0
    assert run("kpi", "set", "orders", "--name", "Orders", "--target", "-5").exit_code == 0
    assert run("kpi", "set", "double", "--formula", "2 * orders").exit_code == 0
    assert run("kpi", "list").stdout == "double\tdouble\t2 * orders\norders\tOrders (pcs)\tsum\n"
    refused = run("kpi", "remove", "orders")
    assert refused.exit_code == 1
    assert "double: its formula names 'orders' at character 5, which is no KPI" in refused.stderr
    assert run("kpi", "set", "orders", "--unit", "").exit_code == 0
    assert run("kpi", "remove", "double").exit_code == 0
    assert run("kpi", "remove", "orders").exit_code == 0
    assert run("kpi", "list").stdout == ""
    assert "the catalogue has no orders" in run("kpi", "remove", "orders").stderr


async def test_a_code_without_values_is_said_to_have_none(run: Any, database_url: str) -> None:
    async with Database(Settings(database_url=SecretStr(database_url))) as database:
        await execute(
            database, "INSERT INTO kpi_raw_data VALUES (now() - interval '5 minutes', 'orders', 1)"
        )
        await Rollups(database).refresh()

    async def said(*arguments: str) -> str:
        answer: Result = await asyncio.to_thread(run, *arguments)
        assert answer.exit_code == 0
        return answer.stderr

    assert "ordrs has no values yet; orders has some" in await said("kpi", "set", "ordrs")
    assert "no values" not in await said("kpi", "set", "orders", "--unit", "pcs")
    assert "no values" not in await said("kpi", "set", "twice", "--formula", "2 * orders")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a b"], "a KPI code is 1 to 64 characters"),
        (["a", "--aggregate", "median"], "aggregate is one of avg, sum, min, max, count, last"),
        (["a", "--formula", "sum(b) +"], "ends too soon"),
        (["a", "--formula", "sum(b)"], "names 'b' at character 5, which is no KPI"),
        (["a", "--formula", "a + 1"], "in a circle: a → a"),
        (["a", "--direction", "left"], "direction is up or down"),
        (["a", "--decimals", "16"], "decimals is a whole number from 0 to 15"),
        (["a", "--target", "many"], "target is no number"),
        (["a", "--target", "nan"], "no finite number"),
        (["a", "--warning", "5"], "a warning needs a target"),
        (["a", "--target", "5", "--direction", "up", "--warning", "6"], "beyond the target"),
        (["a", "--lower", "5", "--upper", "5"], "lower is not below upper"),
        (["a", "--name", "gr\udcfc\udcdf"], "name has a character that is none"),
    ],
)
def test_what_a_kpi_cannot_be_is_said(run: Any, arguments: list[str], said: str) -> None:
    answer = run("kpi", "set", *arguments)
    assert answer.exit_code == 1
    assert said in answer.stderr
    assert run("kpi", "list").stdout == ""


def test_a_file_is_shown_as_a_difference_and_loaded(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "kpis.yaml"
    file.write_text(FILE)
    assert "+ fulfilment" in run("catalog", "load", str(file), "--dry-run").stdout
    assert run("catalog", "load", str(file), input="n\n").exit_code == 0
    assert run("kpi", "list").stdout == ""
    assert run("catalog", "load", str(file), input="y\n").exit_code == 0
    assert len(run("kpi", "list").stdout.splitlines()) == 4
    assert run("catalog", "load", str(file)).stderr == "To be changed: 0 KPIs.\n"
    file.write_text(FILE.replace("target: 95", "target: 96").replace("empty:", "other:"))
    answer = run("catalog", "load", str(file), "--yes")
    assert answer.stdout == ("- empty\n~ fulfilment\n-   target: 95.0\n+   target: 96.0\n+ other\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: {b: 1}", "a: 'b' is no attribute"),
        ("a: 5", "a: what is told of it is no mapping"),
        ("- a", "does not map codes"),
        ("a: {", "is no YAML"),
        ("a: {formula: b}\nb: {formula: a}", "in a circle: a → b → a"),
        ("a: {formula: b, aggregate: sum}\nb:", "it has a formula, so it can have no aggregate"),
        ("a: {decimals: true}", "decimals is no number"),
    ],
)
def test_a_file_that_is_wrong_changes_nothing(
    run: Any, tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "kpis.yaml"
    file.write_text(content)
    answer = run("catalog", "load", str(file), "--yes")
    assert answer.exit_code == 1
    assert said in answer.stderr


async def test_two_who_change_the_same_kpi(database_url: str) -> None:
    from app.data.description import CatalogueEditor

    async with Database(Settings(database_url=SecretStr(database_url))) as database:
        editor = CatalogueEditor(database)
        before = await editor.read()
        await execute(database, "INSERT INTO kpi_catalog (code, unit) VALUES ('a', 'kg')")
        after = checked("a", {"unit": "t"})
        with pytest.raises(InvalidDescriptionError, match="changed by somebody else"):
            await editor.write([Change("a", before.get("a"), after)])
        assert await editor.read() == {"a": {"unit": "kg"}}
