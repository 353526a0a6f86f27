"""After a busy session no secret stands anywhere but in the files that are made for it, and those are for nobody else's
eyes."""

from __future__ import annotations

import base64
import json
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.attacks.realm import ALPHA, PLATFORM, Person, Realm, queue_of, realm_in, request
from tests.running import Answer, Arrival, RecordingWorker

QUEUE = queue_of(ALPHA, "busy")
ISSUED = re.compile(r"ya29\.[\w.~+/-]{20,}|ey[\w-]{8,}\.ey[\w-]{8,}\.[\w-]{20,}|1//[\w-]{20,}")
KEPT_SECRET = ("owner.json", "keys", "tls")  # what may hold a key, below the data directory
PEM = re.compile(rb"-----BEGIN (?:RSA |EC )?PRIVATE KEY-----.*?-----END (?:RSA |EC )?PRIVATE KEY-----", re.DOTALL)


@dataclass
class Session:
    """A server that has been busy, and everything it has said that was not meant to hold a secret."""

    realm: Realm
    secrets: set[str] = field(default_factory=set)
    said: list[str] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.realm.kumo.directory

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def got(self, *tokens: object) -> None:
        self.secrets.update(str(token) for token in tokens)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    tls = ("--tls", "auto", "--tls-port", "0", "--proxy-port", "0")
    worker = RecordingWorker()
    with realm_in(tmp_path_factory.mktemp("busy"), *tls, "--log", "debug") as realm:
        session = Session(realm)
        ann = realm.person("ann-of-alpha")
        session.got(realm.owner.token())
        for role in ("roles/owner", "roles/iam.serviceAccountTokenCreator"):
            realm.grant(f"projects/{ALPHA}", role, ann.member)
        realm.queue(ALPHA, "busy")
        _be_granted(session, ann)
        _send_tasks(session, ann, worker)
        _blunder(session, ann)
        _look_around(session, ann)
        realm.key_of(ann.name)
        yield session
    worker.close()


def _be_granted(session: Session, ann: Person) -> None:
    """Tokens of every kind, by every way."""
    realm = session.realm
    access = realm.access_token(ann)
    session.got(access, ann.assertion(), ann.token())
    _, granted = realm.exchanged(ann.assertion(scope=None, target_audience="https://worker.example"))
    session.got(granted["id_token"])
    bodies = {
        "generateAccessToken": {"scope": [PLATFORM]},
        "generateIdToken": {"audience": "https://worker.example"},
        "signJwt": {"payload": json.dumps(ann.claims())},
    }
    for method, body in bodies.items():
        made = realm.must("POST", f"/v1/{ann.name}:{method}", body, ann.token())
        session.got(made.get("accessToken") or made.get("token") or made["signedJwt"])
    for target in (f"/tokeninfo?access_token={access}", f"/tokeninfo?id_token={granted['id_token']}", "/v1/userinfo"):
        session.said.append(realm.send("GET", target, token=access).body.decode())
    revoked = realm.access_token(ann)
    session.got(revoked)
    assert realm.send("POST", f"/revoke?token={revoked}", b"").status == 200
    assert realm.send("GET", f"/v2/{QUEUE}", token=revoked).status == 401


def _send_tasks(session: Session, ann: Person, worker: RecordingWorker) -> None:
    """Tasks that carry tokens: one is taken, one fails and gets its token back in the answer, one reaches nobody."""
    realm = session.realm

    def answer(arrival: Arrival) -> Answer:
        sent = arrival.headers["authorization"]
        return Answer(500, {"X-Echo": sent}, sent.encode()) if arrival.path == "/fail" else Answer()

    worker.answer = answer
    for kind in ("oidcToken", "oauthToken"):
        for url in (f"{worker.url}/take", f"{worker.url}/fail", "http://127.0.0.1:1/"):
            target = {"url": url, kind: {"serviceAccountEmail": ann.email}}
            assert (
                realm.grpc("CreateTask", {"parent": QUEUE, "task": {"httpRequest": target}}, ann.token()).status == "OK"
            )
    for arrival in worker.wait_for(4):
        session.got(arrival.headers["authorization"].removeprefix("Bearer "))
    assert realm.must("POST", "/kumo/v1/wait-idle", {"timeout": "20s"})["idle"] is True


def _blunder(session: Session, ann: Person) -> None:
    """Secrets where they do not belong: each is refused, and none repeated."""
    realm, token, key = session.realm, ann.token(), ann.key["private_key"]
    access = realm.access_token(ann)
    session.got(token, access)
    for target in (f"/v2/{QUEUE}?access_token={access}", f"/v2/{access}", f"/v2/{QUEUE}/tasks/{access}", f"/{token}"):
        realm.send("GET", target)
        realm.send("GET", target, token=f"{token}x")
    for headers in (
        {"Authorization": token},
        {"Authorization": f"Basic {access}"},
        {"Authorization": f"Bearer {key[30:90]}"},
    ):
        realm.send("GET", f"/v2/{QUEUE}", headers=headers)
    realm.exchanged(token)
    realm.exchanged(key[28:].replace("\n", ""))
    realm.exchanged(ann.assertion(exp=1))
    realm.raw(request(f"/v2/{QUEUE}", f"Authorization: Bearer {token}", f"Authorization: Bearer {access}", close=True))
    realm.raw(request(f"/v2/{QUEUE}", f"Authorization Bearer {token}", close=True))
    realm.raw(request(f"/v2/{QUEUE}", f"Authorization: Bearer {token}", "Transfer-Encoding: x", close=True))
    realm.grpc("GetQueue", {"name": QUEUE}, f"{token}x")
    realm.grpc("GetQueue", {"name": QUEUE}, token, metadata=[("authorization", f"Bearer {access}")])
    realm.send("POST", f"/revoke?token={token}", b"")
    realm.send("GET", f"/tokeninfo?access_token={token}")
    realm.send("POST", f"/v1/{ann.name}/keys:upload", {"publicKeyData": base64.b64encode(key.encode()).decode()}, token)
    realm.send("POST", f"/v1/{ann.name}:signJwt", {"payload": "{]"}, token)


def _look_around(session: Session, ann: Person) -> None:
    """Everything that only shows things."""
    realm = session.realm
    targets = (
        f"/v2/{QUEUE}", f"/v2/{QUEUE}/tasks?responseView=FULL", f"/v1/{ann.name}", f"/v1/{ann.name}/keys",
        f"/v1/{ann.key_name}", f"/v1/{ann.key_name}?publicKeyType=TYPE_X509_PEM_FILE", f"/v1/{realm.owner.name}/keys",
        "/oauth2/v1/certs", "/oauth2/v3/certs", f"/robot/v1/metadata/x509/{ann.email}", "/kumo/v1/environment",
        f"/service_accounts/v1/jwk/{ann.email}", f"/kumo/v1/queue-stats?queue={QUEUE}", f"/v1/projects/{ALPHA}",
        "/metrics", "/.well-known/openid-configuration", "/", "/healthz", "/readyz",
    )  # fmt: skip
    for target in targets:
        for token in (realm.owner.token(), ""):
            session.said.append(realm.send("GET", target, token=token).body.decode())
    session.said.append(str(realm.must("POST", f"/v1/projects/{ALPHA}:getIamPolicy", {})))


def needles(session: Session) -> dict[str, bytes]:
    """What must stand nowhere, by what it is: of a token its last part, for they begin alike."""
    found = {f"token {number}": token[-40:].encode() for number, token in enumerate(sorted(session.secrets))}
    ring = json.loads((session.data / "keys" / "ring.json").read_text())
    pems = [json.loads((session.data / "owner.json").read_text())["private_key"].encode()]
    for file in session.data.rglob("*"):
        if file.is_file() and file.relative_to(session.data).parts[0] in KEPT_SECRET:
            pems += PEM.findall(file.read_bytes().replace(b"\\n", b"\n"))
    assert len(pems) >= 5  # the owner's, two that sign tokens, the authority's and the leaf's
    for number, pem in enumerate(pems):
        for name, secret in private_parts(pem):
            found |= {f"{form} of {name} of key {number}": text for form, text in forms(secret)}
    for secret in strings_of(ring, "secret"):
        found["the secret of access tokens"] = secret.encode()
        found |= {f"{form} of the secret": text for form, text in forms(base64.b64decode(secret + "==", b"-_"))}
    assert "the secret of access tokens" in found
    return found


def private_parts(pem: bytes) -> Iterator[tuple[str, bytes]]:
    """The numbers in a private key that its certificate does not show."""
    key = load_pem_private_key(pem, None)
    if isinstance(key, RSAPrivateKey):
        numbers = key.private_numbers()
        for name, number in (("d", numbers.d), ("p", numbers.p), ("q", numbers.q)):
            yield name, number.to_bytes((number.bit_length() + 7) // 8)
    else:
        assert isinstance(key, EllipticCurvePrivateKey)
        yield "d", key.private_numbers().private_value.to_bytes(key.key_size // 8)


def forms(secret: bytes) -> Iterator[tuple[str, bytes]]:
    """A secret as bytes, hexadecimal, decimal, and in base64 wherever its groups and lines begin."""
    yield "bytes", secret[:24]
    yield "hex", secret[:24].hex().encode()
    yield "decimal", str(int.from_bytes(secret)).encode()
    for start in range(min(48, len(secret) - 23)):
        window = base64.b64encode(secret[start : start + 24])
        yield f"base64 from {start}", window
        yield f"base64url from {start}", window.replace(b"+", b"-").replace(b"/", b"_")


def strings_of(value: object, name: str) -> Iterator[str]:
    """Every text in JSON whose key holds `name`."""
    match value:
        case dict():
            for key, each in value.items():
                if name in key and isinstance(each, str):
                    yield each
                yield from strings_of(each, name)
        case list():
            for each in value:
                yield from strings_of(each, name)


def places(session: Session) -> Iterator[tuple[str, bytes]]:
    """Everywhere that a secret must not stand."""
    for file in session.directory.rglob("*"):
        if file.is_file() and not (
            file.is_relative_to(session.data) and file.relative_to(session.data).parts[0] in KEPT_SECRET
        ):
            yield str(file.relative_to(session.directory)), file.read_bytes()
    yield "errors", "\n".join(session.realm.errors).encode()
    yield "answers", "\n".join(session.said).encode()


def test_no_secret_stands_where_it_does_not_belong(session: Session) -> None:
    hidden, looked_at = needles(session), dict(places(session))
    assert {"server.log", "data/kumo.db", "data/kumo.db-wal"} <= set(looked_at)
    assert b"ann-of-alpha" in looked_at["data/kumo.db"] + looked_at["data/kumo.db-wal"]
    assert len(session.realm.errors) > 20
    for place, content in looked_at.items():
        for what, needle in hidden.items():
            assert needle not in content, f"{what} stands in {place}"


def test_the_same_look_finds_every_key_where_it_does_belong(session: Session) -> None:
    owner = (session.data / "owner.json").read_bytes().replace(b"\\n", b"\n")
    hidden = needles(session)
    assert [what for what, needle in hidden.items() if "of key 0" in what and needle in owner]
    assert hidden["the secret of access tokens"] in (session.data / "keys" / "ring.json").read_bytes()


def test_nothing_that_looks_like_a_secret_stands_there_either(session: Session) -> None:
    for place, content in places(session):
        if place == "errors" or place.endswith("ca-bundle.pem"):
            continue  # a name that is no name is repeated to him who sent it, whatever it is; roots are public
        text = content.decode("latin-1")
        assert "PRIVATE KEY" not in text, place
        assert ISSUED.search(text) is None, place


def test_a_token_that_was_made_can_be_found_by_that_look(session: Session) -> None:
    assert session.secrets
    for token in session.secrets:
        assert ISSUED.search(token), token[:12]


def test_private_files_are_for_nobody_else(session: Session) -> None:
    assert stat.S_IMODE(session.data.stat().st_mode) == 0o700
    for path in session.data.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_secret_still_stands_nowhere_after_the_end(tmp_path: Path) -> None:
    """A new server, so that the other one's clients are left alone: what is written while it ends counts too."""
    with realm_in(tmp_path, "--log", "debug") as realm:
        session = Session(realm)
        session.got(realm.owner.token(exp=int(time.time()) + 60), realm.access_token(realm.owner))
        for token in session.secrets:
            realm.must("GET", f"/v1/projects/{ALPHA}", token=token)
        assert realm.kumo.stop() == 0
        hidden = [token[-40:].encode() for token in session.secrets]
        hidden += [line.encode() for line in realm.owner.key["private_key"].splitlines()[2:-2]]
        for place, content in places(session):
            assert not [needle for needle in hidden if needle in content], place
