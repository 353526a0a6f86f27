"""A real browser on a page, told what to do by the DevTools protocol."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.running import missing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def found_browser() -> str:
    """Where it is; skips where there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(missing("chromium"))
    return found


class Page:
    """One tab."""

    def __init__(self, link: Connection) -> None:
        self._link = link
        self._numbers = itertools.count(1)
        self.complaints: list[object] = []
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: object) -> dict[str, object]:
        """A command's result; what the page complains of meanwhile is kept, but for answers that it asked for."""
        number = next(self._numbers)
        self._link.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._link.recv(60))
            if said.get("id") == number:
                assert "error" not in said, said
                return dict(said["result"])
            entry = said.get("params", {}).get("entry", {})
            if said.get("method") == "Runtime.exceptionThrown" or entry.get("source", "network") != "network":
                self.complaints.append(said["params"])

    def evaluate(self, script: str) -> object:
        """The value of a script; a promise's once it is kept."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        result = answer["result"]
        assert isinstance(result, dict)
        return result.get("value")

    def wait_until(self, condition: str) -> None:
        """Until a script's condition holds; asked at each change of the document, so nobody has to guess how long."""
        self.evaluate(
            "new Promise(done => {"
            f"const look = () => ({condition}) && done();"
            "new MutationObserver(look).observe(document, {subtree: true, childList: true, attributes: true,"
            " characterData: true}); look(); })"
        )

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)
        loaded = "new Promise(done => addEventListener('load', () => done()))"
        self.evaluate(f"document.readyState === 'complete' || {loaded}")

    def choose(self, selector: str, file: Path) -> None:
        """Put a file into a field, as its user does."""
        root = self.send("DOM.getDocument")["root"]
        assert isinstance(root, dict)
        node = self.send("DOM.querySelector", nodeId=root["nodeId"], selector=selector)
        self.send("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(file)])


@contextlib.contextmanager
def browsing(profile: Path) -> Iterator[Page]:
    command = [
        found_browser(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stderr is not None
            told = next(line for line in child.stderr if line.startswith("DevTools listening on ws://"))
            address = told.split("ws://")[1].split("/")[0]
            with urllib.request.urlopen(f"http://{address}/json/list", timeout=20) as answer:
                (tab,) = [each for each in json.load(answer) if each["type"] == "page"]
            with connect(tab["webSocketDebuggerUrl"], max_size=None) as link:
                yield Page(link)
        finally:
            child.kill()
