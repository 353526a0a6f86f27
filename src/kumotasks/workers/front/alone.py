"""One service whose worker lives elsewhere: what the front needs to stand guard before a program that it did not start.

It starts and stops nothing. Every host means the one service.
"""

from __future__ import annotations

from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import Service
from kumotasks.workers.errors import NoInstance
from kumotasks.workers.instances.running import Running, Slot


class Alone:
    """A front.Directory. `urls` are what tokens may be made out to; the template's concurrency bounds the requests
    that the worker has at a time."""

    def __init__(self, service: Service, urls: tuple[str, ...], *, number: str, host: str, port: int) -> None:
        template = service.template
        revision = Revision(service.name, f"{service.name.service}-00001-own", "", template, None)
        self._running = Running(service, number, urls)
        self._slot = Slot(host, port, "elsewhere", revision, h2c=template.serving.port_name == "h2c")
        self._most = template.concurrency
        self._open = 0

    def find(self, host: str) -> Running | None:
        return self._running

    async def acquire(self, running: Running) -> Slot:
        """Raises NoInstance at once when the worker has enough to do."""
        if self._open >= self._most:
            raise NoInstance
        self._open += 1
        return self._slot

    def release(self, slot: Slot, *, failed: bool = False) -> None:
        self._open -= 1
