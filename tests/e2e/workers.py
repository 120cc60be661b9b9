"""The browser's SharedWorkers, which Playwright does not reach, over the DevTools protocol."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Browser, CDPSession


class SharedWorkers:
    """All SharedWorkers that run while this is opened."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._session: CDPSession | None = None
        self._attached: list[str] = []
        self._number = 0

    async def __aenter__(self) -> Self:
        self._session = session = await self._browser.new_browser_cdp_session()
        for target in (await session.send("Target.getTargets"))["targetInfos"]:
            if target["type"] == "shared_worker":
                attached = await session.send(
                    "Target.attachToTarget", {"targetId": target["targetId"]}
                )
                self._attached.append(attached["sessionId"])
        assert self._attached, "there is no SharedWorker"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.detach()

    async def kill(self) -> None:
        """End them, and tell nobody, as a browser does that runs out of memory."""
        assert self._session is not None
        for target in (await self._session.send("Target.getTargets"))["targetInfos"]:
            if target["type"] == "shared_worker":
                await self._session.send("Target.closeTarget", {"targetId": target["targetId"]})

    async def set_offline(self, offline: bool) -> None:
        """Cut their network, or connect it."""
        await self._tell("Network.enable", {})
        conditions = {
            "offline": offline,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": -1,
        }
        await self._tell("Network.emulateNetworkConditions", conditions)

    async def _tell(self, method: str, parameters: dict[str, Any]) -> None:
        assert self._session is not None
        for attached in self._attached:
            self._number += 1
            message = {"id": self._number, "method": method, "params": parameters}
            await self._session.send(
                "Target.sendMessageToTarget",
                {"sessionId": attached, "message": json.dumps(message)},
            )
