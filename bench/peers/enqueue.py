"""The producer: `enqueue.py MODULE COUNT`. Says `ready`, waits for a line, enqueues, says how many seconds it took."""

from __future__ import annotations

import importlib
import sys
import time

BODY = '{"number": 0, "text": "' + "x" * 160 + '"}'


def main() -> None:
    enqueue = importlib.import_module(sys.argv[1]).enqueue
    enqueue(BODY)
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.perf_counter()
    for _ in range(int(sys.argv[2])):
        enqueue(BODY)
    print(time.perf_counter() - begun, flush=True)


main()
