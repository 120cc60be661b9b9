"""The description says what the server does: its routes, its answers, and nothing breaks it."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.http.factory import create_app
from app.http.openapi.paths import PAGES
from app.settings import Settings
from tests.access.signing import SECRET, sign
from tests.described import DOCUMENT, path_of, validator
from tests.http.conftest import NOON, write
from tests.running import Gateway, open_gateway
from tests.soaking import SOAKING, sized

pytestmark = pytest.mark.slow

CHECKS = (
    "not_a_server_error",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "status_code_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ignored_auth",
)
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sized(3, soak=300)
"""Requests of each operation, in each of Schemathesis's phases."""


def test_every_route_is_described_and_nothing_else(gateway: Gateway) -> None:
    described = {
        (path, method.upper())
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }
    routes = {
        (path_of(rule.rule), method)
        for rule in create_app(gateway.service).url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in PAGES
    }
    assert routes == described


def test_every_reference_leads_somewhere() -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [found for value in node.values() for found in references(value)]
        if isinstance(node, list):
            return [found for value in node for found in references(value)]
        return []

    found = references(DOCUMENT)
    assert len(found) > 50
    for reference in found:
        name = reference.removeprefix("#/components/schemas/")
        assert name in DOCUMENT["components"]["schemas"]


async def test_answers_are_as_described(gateway: Gateway) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}") as client:
        for target, status, name in (
            ("/kpi", 200, "Catalogue"),
            ("/kpi/sales", 200, "Snapshot"),
            ("/kpi/sales?period=day", 200, "Snapshot"),
            ("/kpi/sales?period=never", 422, "Problem"),
            ("/kpi/unheard_of", 404, "Problem"),
            ("/nowhere", 404, "Problem"),
        ):
            answer = await client.get(target)
            assert answer.status_code == status
            validator(name).validate(answer.json())
        assert (await client.get("/openapi.json")).json() == DOCUMENT
        session = (await client.post("/session")).json()
        validator("Session").validate(session)


@pytest.mark.soak
@pytest.mark.timeout(sized(120, soak=3600))
@pytest.mark.parametrize("auth", ["none", "jwt"])
async def test_no_request_breaks_it(auth: str, shadowed_settings: Settings, tmp_path: Path) -> None:
    """Schemathesis asks what the description allows: no 5xx, and all answers are as said."""
    changes = {
        "auth": auth,
        "jwt_key": SecretStr(SECRET),
        "heartbeat_seconds": 0.05,
        "stream_max_age": timedelta(seconds=0.05),
    }
    settings = shadowed_settings.model_copy(update=changes)
    async with open_gateway(settings) as gateway:
        await gateway.hand.set(NOON)
        await write(gateway, "order_backlog", NOON - 60, 1.0)  # the description's example
        grants = {"kpis": ["*"], "boards": "write", "write": ["*"], "metrics": True}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run"),
            f"http://127.0.0.1:{gateway.port}/openapi.json",
            *("--max-examples", str(EXAMPLES), "--no-color"),
            *(() if SOAKING else ("--seed", "1")),
            *("--checks", ",".join(CHECKS)),
            *("--header", f"Authorization: Bearer {sign(grants, aud=None)}"),
            cwd=tmp_path,
            env=os.environ
            | {"SCHEMATHESIS_HOOKS": "tests.http.schemathesis_hooks", "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        print(out.decode()[-6000:])
        assert process.returncode == 0
        assert gateway.service.hub.listeners < 5
