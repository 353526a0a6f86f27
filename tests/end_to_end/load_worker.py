"""A worker for load: it notes each request in a file of its own before anything else, and answers a little later.

So whoever reads the files knows which requests were inside a process when it was killed.
"""

import asyncio
import os
import random
import sys

notes = os.open(f"{sys.argv[1]}/{os.getpid()}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
SLOWEST = 0.02  # seconds


class Door(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.unread = b""

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while b"\r\n\r\n" in self.unread:
            head, _, self.unread = self.unread.partition(b"\r\n\r\n")
            os.write(notes, head.split(b" ", 2)[1] + b"\n")
            asyncio.get_running_loop().call_later(random.random() * SLOWEST, self.answer)

    def answer(self) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")  # type: ignore[attr-defined]


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Door, "", int(os.environ["PORT"]), backlog=1024)
    await server.serve_forever()


asyncio.run(main())
