"""The same lines through `kumo` and through the real gcloud: the same effect, and the same output but for what a server
makes up: numbers, ids, etags and times."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.tasks.test_gcloud import ended
from tests.running import KumoProcess, missing, running

GCLOUD = shutil.which("gcloud")
SENDER = "sender@p.iam.gserviceaccount.com"
PROJECT = "projects add-iam-policy-binding p --format=json"
SCRIPT = f"""\
iam service-accounts create sender --description='for test' --display-name=Sends --format=json
iam service-accounts update {SENDER} --display-name=New
iam service-accounts list
iam service-accounts add-iam-policy-binding {SENDER} --member=user:a@b.c --role=roles/iam.serviceAccountUser
iam service-accounts remove-iam-policy-binding {SENDER} --member=user:a@b.c --role=roles/iam.serviceAccountUser
iam service-accounts keys create key.json --iam-account={SENDER} --key-file-type=json
iam service-accounts keys list --iam-account={SENDER} --managed-by=user
iam service-accounts keys list --iam-account={SENDER} --format=json --managed-by=user
iam service-accounts disable {SENDER} --format=json
iam roles describe roles/cloudtasks.enqueuer
services enable pubsub.googleapis.com storage.googleapis.com
services disable storage.googleapis.com
services list
{PROJECT} --member=serviceAccount:{SENDER} --role=roles/run.invoker
{PROJECT} --member=user:a@b.c --role=roles/run.invoker --condition='^:^title=x:expression=resource.name.endsWith("a,b")'
{PROJECT} --member=user:a@b.c --role=roles/run.invoker
{PROJECT} --member=user:a@b.c --role=roles/run.invoker --condition=None
projects remove-iam-policy-binding p --member=user:a@b.c --role=roles/run.invoker --all
projects get-iam-policy p --flatten=bindings[].members --filter=bindings.members:sender --format='table(bindings.role)'
projects list
projects describe p --format=json
iam service-accounts delete {SENDER}
"""
_APIS = ("IAM", "CLOUDRESOURCEMANAGER", "SERVICEUSAGE")
_MADE_UP = re.compile(
    r"\b(?:[0-9a-f]{40}|\d{21}|\d{12})\b|\d{4}-\d\d-\d\dT[\d:.]+Z|(?<=etag: )\S+|(?<=\"etag\": \")[^\"]+"
)


def played(program: list[str], environment: dict[str, str], directory: Path) -> list[tuple[str, int, str]]:
    """The script by one program, in a directory of its own: line, exit code, what it printed."""
    found = []
    for line in SCRIPT.splitlines():
        words = [each.replace("key.json", str(directory / "key.json")) for each in shlex.split(line)]
        code, shown = ended([*program, *words, "--quiet"], {**os.environ, **environment})
        found.append((line, code, _MADE_UP.sub("-", shown)))
    return found


def by_gcloud(server: KumoProcess, directory: Path) -> list[tuple[str, int, str]]:
    assert GCLOUD is not None
    settings = {
        "AUTH_DISABLE_CREDENTIALS": "true",
        "CORE_PROJECT": "p",
        "CORE_DISABLE_PROMPTS": "1",
        "CORE_CHECK_GCE_METADATA": "false",
        "CONFIG": str(directory / "home"),
        **{f"API_ENDPOINT_OVERRIDES_{api}": f"http://{server.address}/" for api in _APIS},
    }
    return played([GCLOUD], {f"CLOUDSDK_{name}": value for name, value in settings.items()}, directory)


def by_kumo(server: KumoProcess, directory: Path) -> list[tuple[str, int, str]]:
    settings = {
        "KUMO_CORE_PROJECT": "p",
        "KUMO_CONFIG_DIR": str(directory / "home"),
        "KUMO_ENDPOINT": f"http://{server.address}",
    }
    return played([sys.executable, "-m", "kumotasks.cli.main"], settings, directory)


def test_a_script_of_lines_does_and_prints_the_same(tmp_path: Path) -> None:
    if GCLOUD is None:
        pytest.skip(missing("gcloud"))
    with running(tmp_path / "one") as one, running(tmp_path / "other") as other:
        theirs, ours = by_gcloud(one, tmp_path / "one"), by_kumo(other, tmp_path / "other")
    for mine, their in zip(ours, theirs, strict=True):
        assert mine == their
    assert sorted({code for _, code, _ in ours}) == [0, 1]
    assert [(tmp_path / name / "key.json").stat().st_mode & 0o777 for name in ("one", "other")] == [0o600, 0o600]
