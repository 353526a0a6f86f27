"""Where lines of `kumo` are typed: a directory with the files that they name, a configuration, and a far end.

What a line does is told as a text: what was asked, what was printed, which files came or changed, how it ended.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from kumotasks.cli.main import main
from tests.cli.flags.far_end import FarEnd

_FILES = {
    "body.txt": "from a file",
    "condition.yaml": "expression: request.time < timestamp('2031-01-01T00:00:00Z')\ntitle: until-2031\n",
    "cert.pem": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "kumo.toml": "[[queues]]\nname = 'mail'\n",
    "policy.yaml": "bindings:\n- members:\n  - user:anna@shop.example\n  role: roles/viewer\netag: BwYAAAAAAAA=\n",
    "tasks.json": '[{"name": "a", "httpRequest": {"url": "https://shop.example/a"}}]',
    "tasks.yaml": "- httpRequest:\n    url: https://shop.example/b\n",
}
_CONFIGURATIONS = {
    "default": "[core]\nproject = shop\n\n[tasks]\nlocation = us-central1\n",
    "bare": "",
    "other": "[core]\nproject = other-shop\n\n[tasks]\nlocation = us-east1\n",
}
# What differs from run to run: instants, identifiers, ports, the directory.
_VARYING = (
    (re.compile(r"\b20[0-24-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "NOW"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r'(?<=/nonce": ")[a-z]+'), "NONCE"),
    (re.compile(r"(?<=-0000\d-)(?!abc)[a-z]{3}\b"), "NEW"),
    (re.compile(r"127\.0\.0\.1:\d{4,}"), "127.0.0.1:PORT"),
)
# Lines that come out otherwise where callers are asked who they are. The others are spared the signatures.
_ABOUT_CALLERS = re.compile(r"^auth |--account|--key-file|--impersonate")
SENDER = "sender@shop.iam.gserviceaccount.com"


class Stage:
    """A directory as it was laid out for each line."""

    def __init__(
        self,
        far: FarEnd,
        keys: dict[str, str],
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._far = far
        self._keys = keys
        self._directory = directory
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self._number = 0
        self._untouched = False

    def told(self, line: str) -> str:
        """What `kumo LINE` does."""
        place = self._place()
        self._far.asked.clear()
        self._far.auth = "iam" if _ABOUT_CALLERS.search(line) else "off"
        before = dict(_contents(place))
        self._capsys.readouterr()
        code = main(shlex.split(line.replace("ENDPOINT", self._far.url)))
        printed = self._capsys.readouterr()
        after = dict(_contents(place))
        self._untouched = before == after
        written = [f"{name}\n{after[name]}" for name in sorted(after) if after[name] != before.get(name)]
        removed = [f"{name} is gone" for name in sorted(before.keys() - after.keys())]
        parts = [
            *(_marked("> ", each) for each in self._far.asked),
            _marked("| ", printed.out),
            _marked("! ", printed.err),
            *(_marked("+ ", each) for each in (*written, *removed)),
            f"= {code}\n" if code else "",
        ]
        text = "".join(parts).replace(str(place), "DIRECTORY")
        for pattern, name in _VARYING:
            text = pattern.sub(name, text)
        return text

    def _place(self) -> Path:
        """A directory as it was laid out: the last one, if the line that ran there left it so."""
        if not self._untouched:
            self._number += 1
            self._laid_out(self._directory / str(self._number))
        return self._directory / str(self._number)

    def _laid_out(self, place: Path) -> None:
        configurations, credentials = place / "home" / "configurations", place / "home" / "credentials"
        for folder in (configurations, credentials):
            folder.mkdir(parents=True)
        for name, content in _FILES.items():
            (place / name).write_text(content)
        for name, content in _CONFIGURATIONS.items():
            (configurations / f"config_{name}").write_text(content)
        for name, content in self._keys.items():
            (place / f"{name}.json").write_text(content)
        (credentials / f"{SENDER}.json").write_text(self._keys["sender"])
        self._far.owner_key = place / "owner.json"
        self._monkeypatch.chdir(place)
        self._monkeypatch.setenv("KUMO_CONFIG_DIR", str(place / "home"))
        self._monkeypatch.setenv("KUMO_ENDPOINT", self._far.url)


def key_of(account: str, private_pem: str) -> str:
    """A key file."""
    email = f"{account}@shop.iam.gserviceaccount.com"
    fields = {"type": "service_account", "client_email": email, "private_key_id": "k1", "private_key": private_pem}
    return json.dumps(fields)


def _contents(place: Path) -> Iterator[tuple[str, str]]:
    """Every file that has no secret in it by its path; a key by its mode alone."""
    for path in sorted(place.rglob("*")):
        if path.is_file():
            text = path.read_text()
            kept = f"(a key, {path.stat().st_mode & 0o777:o})\n" if "PRIVATE KEY" in text else text
            yield str(path.relative_to(place)), kept


def _marked(mark: str, text: str) -> str:
    return "".join(f"{mark}{line}".rstrip() + "\n" for line in text.splitlines())
