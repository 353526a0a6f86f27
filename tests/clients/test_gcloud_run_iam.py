"""`gcloud run` where everybody is asked who he is: with an activated key, by nothing but the proxy port.

And on a service that `kumo run deploy --source` made: gcloud may change it as long as what is run stays the same.
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from google.auth import jwt

from tests.clients.gcloud_runs import gcloud_with
from tests.clients.test_gcloud_run import WORKER, Gcloud, deployed, wait_for_line
from tests.end_to_end.deploying import kumo_run
from tests.iam.callers import RestClient
from tests.running import KumoProcess, running

PROJECT = "gcloud-runner"
PLACE = f"projects/{PROJECT}/locations/asia-northeast1"
HERE = "--region=asia-northeast1"
HELLO = "--image=us-docker.pkg.dev/cloudrun/container/hello"
TLS = ("--tls", "auto", "--tls-port", "0", "--proxy-port", "0")


def pointed(kumo: KumoProcess, folder: Path, **more: str) -> Gcloud:
    """Google's names, by the proxy port."""
    proxy = {
        "CLOUDSDK_PROXY_TYPE": "http",
        "CLOUDSDK_PROXY_ADDRESS": "127.0.0.1",
        "CLOUDSDK_PROXY_PORT": str(kumo.proxy_port),
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": str(kumo.directory / "data" / "tls" / "ca.pem"),
    }
    return Gcloud(gcloud_with({**proxy, **more}, project=PROJECT, folder=folder))


def activated(kumo: KumoProcess, folder: Path, key: Path) -> Gcloud:
    gcloud = pointed(kumo, folder, CLOUDSDK_AUTH_DISABLE_CREDENTIALS="false")
    done = gcloud.run("auth", "activate-service-account", f"--key-file={key}")
    assert done.returncode == 0, done.stderr
    return gcloud


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("asking"), "--auth", "iam", *TLS) as kumo:
        yield kumo


@pytest.fixture(scope="module")
def owner(asking: KumoProcess, tmp_path_factory: pytest.TempPathFactory) -> Gcloud:
    return activated(asking, tmp_path_factory.mktemp("owner"), asking.directory / "data" / "owner.json")


@pytest.fixture(scope="module")
def developer(asking: KumoProcess, tmp_path_factory: pytest.TempPathFactory) -> Gcloud:
    """An account that may deploy, and may not say who may invoke."""
    folder = tmp_path_factory.mktemp("developer")
    with closing(RestClient(asking.address)) as rest:
        key = jwt.Credentials.from_service_account_file(
            asking.directory / "data" / "owner.json", audience="https://cloudtasks.googleapis.com/"
        )
        key.refresh(None)
        rest.token = key.token.decode()
        accounts = f"/v1/projects/{PROJECT}/serviceAccounts"
        email = rest.json("POST", accounts, {"accountId": "developer", "serviceAccount": {}})["email"]
        roles = ("roles/run.developer", "roles/iam.serviceAccountUser")
        bindings = [{"role": role, "members": [f"serviceAccount:{email}"]} for role in roles]
        rest.json("POST", f"/v1/projects/{PROJECT}:setIamPolicy", {"policy": {"bindings": bindings}})
        made = rest.json("POST", f"/v1/projects/-/serviceAccounts/{email}/keys", {})
    (folder / "key.json").write_bytes(base64.b64decode(made["privateKeyData"]))
    return activated(asking, folder, folder / "key.json")


def status_of(kumo: KumoProcess, url: str, token: str = "") -> int:
    own = {"Authorization": f"Bearer {token}"} if token else {}
    headers = {"Host": url.removeprefix("https://"), **own}
    request = urllib.request.Request(f"http://{kumo.address}/", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_an_activated_account_deploys_and_is_let_in_by_who_may(
    asking: KumoProcess, developer: Gcloud, owner: Gcloud
) -> None:
    _, url = deployed(developer.said("deploy", "worker", HELLO, "--no-allow-unauthenticated", HERE))
    _, same = deployed(developer.said("services", "update", "worker", "--update-env-vars=A=1", "--timeout=600", HERE))
    assert same == url
    who = ("worker", f"--member=serviceAccount:developer@{PROJECT}.iam.gserviceaccount.com", HERE)
    refused = developer.refused("services", "add-iam-policy-binding", *who, "--role=roles/run.invoker")
    assert "PERMISSION_DENIED" in refused
    assert "run.services.setIamPolicy" in refused
    assert status_of(asking, url) == 403
    everybody = ("worker", "--member=allUsers", "--role=roles/run.invoker", HERE)
    assert "Updated IAM policy" in owner.said("services", "add-iam-policy-binding", *everybody)
    assert status_of(asking, url) == 200
    owner.said("services", "remove-iam-policy-binding", *everybody)
    assert status_of(asking, url) == 403
    token = developer.run("auth", "print-identity-token", f"--audiences={url}").stdout.strip()
    assert status_of(asking, url, token) == 200  # roles/run.developer invokes too
    (service,) = developer.json("services", "list")
    annotations = service["metadata"]["annotations"]
    email = f"developer@{PROJECT}.iam.gserviceaccount.com"
    assert annotations["serving.knative.dev/lastModifier"] == email
    revisions = developer.json("revisions", "list", "--service=worker", HERE)
    assert {each["metadata"]["annotations"]["serving.knative.dev/creator"] for each in revisions} == {email}
    owner.said("services", "delete", "worker", HERE)


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("sources"), *TLS) as kumo:
        yield kumo


@pytest.fixture
def gcloud(kumo: KumoProcess, tmp_path: Path) -> Gcloud:
    return pointed(kumo, tmp_path)


def test_gcloud_changes_what_was_deployed_from_a_directory(kumo: KumoProcess, gcloud: Gcloud, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(WORKER)
    how = ("--command", f"{sys.executable} main.py", "--allow-unauthenticated")
    deployed(kumo_run(kumo, PLACE, "deploy", "worker", f"--source={tmp_path}", *how))
    second, url = deployed(gcloud.said("services", "update", "worker", "--update-env-vars=GREETING=hello", HERE))
    third, _ = deployed(gcloud.said("services", "update", "worker", "--timeout=600", "--concurrency=7", HERE))
    assert (second[:12], third[:12]) == ("worker-00002", "worker-00003")
    host = {"Host": url.removeprefix("https://")}
    urllib.request.urlopen(urllib.request.Request(f"http://{kumo.address}/", b"more", host), timeout=30).close()
    wait_for_line(kumo, f"{third} hello more")
    refused = gcloud.refused("services", "update", "worker", "--args=-c,evil", HERE)
    assert "was not taken from this caller" in refused
    urllib.request.urlopen(urllib.request.Request(f"http://{kumo.address}/", b"still", host), timeout=30).close()
    wait_for_line(kumo, f"{third} hello still")


def test_a_secret_is_refused_in_a_sentence(gcloud: Gcloud) -> None:
    refused = gcloud.refused(
        "deploy", "other", HELLO, "--set-secrets=KEY=mine:latest", "--no-allow-unauthenticated", HERE
    )
    assert "The environment variable 'KEY' refers to a secret. There is no Secret Manager here" in refused
    assert json.loads(gcloud.run("run", "services", "list", "--format=json").stdout)[0]["metadata"]["name"] == "worker"
