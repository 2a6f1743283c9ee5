"""Asks a URL again and again until it is ended, then prints what came of it as JSON: `load.py URL WORKERS PAUSE_SECONDS`.

A new connection for each request, so that each finds its way by the Service as it is then; what is not a 200 within 30 s has
failed: that long nothing takes but what is lost, however busy the machine.
"""

import asyncio
import json
import signal
import sys
import time
from typing import Any
from urllib.parse import urlsplit


async def ask(host: str, port: int, path: str) -> str:
    """What was wrong with the answer; empty for a 200 that came whole."""
    writer = None
    try:
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read(-1)
    except (OSError, TimeoutError) as reason:
        return f"{type(reason).__name__}: {reason}"
    finally:
        if writer is not None:
            writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode(errors="replace").split("\r\n")
    lengths = [int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length:")]
    if " 200 " not in f"{lines[0]} ":
        return lines[0] or "an empty answer"
    return "" if lengths == [len(body)] else f"{len(body)} of {lengths} bytes"


async def main(url: str, workers: int, pause: float) -> None:
    parts = urlsplit(url)
    took: list[float] = []
    failures: list[dict[str, Any]] = []
    answers: list[tuple[float, bool]] = []
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    began = time.monotonic()

    async def work() -> None:
        while not ended.is_set():
            start, clock = time.monotonic(), time.time()
            fault = await ask(parts.hostname or "", parts.port or 80, parts.path)
            took.append(time.monotonic() - start)
            answers.append((clock, not fault))
            if fault:
                failures.append({"after": round(start - began, 2), "fault": fault})
            await asyncio.sleep(pause)

    await asyncio.gather(*(work() for _ in range(workers)))
    took.sort()
    print(
        json.dumps(
            {
                "seconds": round(time.monotonic() - began, 1),
                "requests": len(took),
                "failed": len(failures),
                "failures": failures[:5],
                "last_failure_after": max((failure["after"] for failure in failures), default=None),
                "median_ms": round(took[len(took) // 2] * 1000, 1) if took else None,
                "slowest_ms": round(took[-1] * 1000, 1) if took else None,
                "answers": answers,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
