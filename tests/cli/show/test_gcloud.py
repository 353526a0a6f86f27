"""Format expressions by gcloud's own engine, where gcloud is found: expressions.txt, line by line, shows the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kumotasks.cli.show.output import text
from kumotasks.cli.show.projection import parse
from tests.running import missing

EXPRESSIONS = (Path(__file__).parent / "expressions.txt").read_text().splitlines()
Q = "projects/p1/locations/us-central1/queues/"
ITEMS: list[object] = [
    {
        "big": 123456789,
        "empty": [],
        "emptyd": {},
        "flag": True,
        "name": f"{Q}alpha",
        "purgeTime": "2026-01-02T03:04:05.678901Z",
        "rateLimits": {"maxBurstSize": 100, "maxConcurrentDispatches": 1000, "maxDispatchesPerSecond": 500.0},
        "retryConfig": {"maxAttempts": -1, "maxBackoff": "3600s"},
        "selfLink": "https://www.googleapis.com/compute/v1/projects/p1/zones/z1/instances/i1",
        "state": "RUNNING",
    },
    {
        "f": 0.000012345,
        "httpTarget": {
            "headerOverrides": [{"header": {"key": "A", "value": "b"}}, {"header": {"key": "C", "value": "d, e"}}]
        },
        "labels": {"a": "1", "b": "2"},
        "name": f"{Q}beta-two",
        "nums": [3, 1, 2],
        "rateLimits": {"maxBurstSize": 10, "maxConcurrentDispatches": 5, "maxDispatchesPerSecond": 0.5},
        "retryConfig": {"maxAttempts": 3},
        "routing": {"instance": "multi\nline", "service": "日本語", "version": "'quoted' \"x\" and, comma"},
        "state": "PAUSED",
        "time": "2020-02-03T04:05:06+09:00",
    },
    {"name": f"{Q}gamma", "state": "DISABLED"},
]
# Run by the Python that runs the tests, over the modules that gcloud brings.
_ENGINE = """\
import io, json, sys
root, asked = sys.argv[1], json.load(sys.stdin)
sys.path[:0] = [root, root + "/third_party"]
from googlecloudsdk.core.resource import resource_printer
shown = []
for form in asked["forms"]:
    out = io.StringIO()
    resource_printer.Print(asked["items"], form, out=out, single=False)
    shown.append(out.getvalue())
json.dump(shown, sys.stdout)
"""


@pytest.fixture(scope="module")
def theirs() -> dict[str, str]:
    """What gcloud's engine shows, by expression."""
    found = shutil.which("gcloud")
    if found is None:
        pytest.skip(missing("gcloud"))
    root = Path(found).resolve().parents[1] / "lib"
    if not (root / "googlecloudsdk" / "core" / "resource").is_dir():
        pytest.skip(missing("gcloud", "its modules"))
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ENGINE, str(root)],
        input=json.dumps({"forms": EXPRESSIONS, "items": ITEMS}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return dict(zip(EXPRESSIONS, json.loads(ended.stdout), strict=True))


@pytest.mark.parametrize("form", EXPRESSIONS)
def test_an_expression_shows_what_gcloud_shows(form: str, theirs: dict[str, str]) -> None:
    parsed = parse(form)
    shown = "" if parsed.name in ("none", "disable") else text(parsed, ITEMS, single=False, own={})
    assert shown == theirs[form]
