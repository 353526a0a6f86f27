"""What programs trust, in the forms that they read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import pkcs12

from kumotasks.auth.trust_store import (
    PASSWORD,
    PLACES,
    bundle,
    certificates,
    fingerprint,
    java_trust_store,
    system_roots,
)
from tests.running import missing


def root() -> bytes:
    return trustme.CA().cert_pem.bytes()


def test_a_pem_text_is_taken_apart() -> None:
    one, two = root(), root()
    assert certificates(b"# first\n" + one + b"noise\n" + two + one) == (one, two)
    assert certificates(b"nonsense") == ()


def test_the_roots_are_those_of_the_named_file(tmp_path: Path) -> None:
    one = root()
    (tmp_path / "roots.pem").write_bytes(one)
    assert system_roots(str(tmp_path / "roots.pem")) == (one,)


@pytest.mark.parametrize("named", ["", "/no/such/file", "/etc/passwd"])
def test_without_a_good_one_they_are_the_systems(named: str) -> None:
    found = any(Path(place).is_file() for place in PLACES)
    assert bool(system_roots(named)) is found


def test_a_bundle_has_each_once_and_ours_last() -> None:
    one, own = root(), root()
    assert bundle([own, one], own) == one + own


def test_certificates_are_told_apart() -> None:
    one, two = root(), root()
    assert fingerprint(one) == fingerprint(one) != fingerprint(two)
    with pytest.raises(ValueError):
        fingerprint(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def test_a_java_trust_store_holds_all_that_can_be_read() -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    made = java_trust_store([root(), broken, root()])
    assert len(pkcs12.load_pkcs12(made, PASSWORD.encode()).additional_certs) == 2


def test_java_reads_it(tmp_path: Path) -> None:
    keytool = shutil.which("keytool")
    if keytool is None:
        pytest.skip(missing("keytool"))
    (tmp_path / "trust.p12").write_bytes(java_trust_store([root(), root()]))
    command = [keytool, "-list", "-keystore", "trust.p12", "-storepass", PASSWORD]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("trustedCertEntry") == 2
