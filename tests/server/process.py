"""The stage as a process of its own, for what only a process can show: signals and memory.

It prints its port once it is ready. SIGUSR1 sends an event to all; SIGUSR2 prints, as one line of
JSON, what it holds after a collection.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal

import psutil

from tests.server.stage import Stage, running


def state(stage: Stage) -> str:
    gc.collect()
    return json.dumps(
        {
            "streams": len(stage.group.members),
            "handlers": stage.handlers,
            "tasks": len(asyncio.all_tasks()),
            "memory": psutil.Process().memory_info().rss,
            "log": stage.log,
        }
    )


async def main() -> None:
    stage = Stage()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, stage.deliver, b"event")
    loop.add_signal_handler(signal.SIGUSR2, lambda: print(state(stage), flush=True))
    async with running(stage):
        with stage.stop.on_signals():
            print(stage.port, flush=True)
            await stage.stop.requested.wait()
    print(state(stage), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
