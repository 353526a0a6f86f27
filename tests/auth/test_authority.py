"""Our certificate authority and the certificates it signs."""

from __future__ import annotations

import ipaddress
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kumotasks.auth.authority import (
    AUTHORITY_FILE,
    AUTHORITY_LIFE,
    LEAF_FILE,
    LEAF_LIFE,
    RENEW_BEFORE,
    Authority,
    AuthorityUnusable,
)
from kumotasks.domain.clock import DAY, SECOND, ManualClock, SystemClock

NAMES = ("*.googleapis.com", "127.0.0.1", "localhost")


@pytest.fixture
def wall() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def authority(tmp_path: Path, wall: ManualClock) -> Authority:
    return Authority(tmp_path / "tls", wall)


def certificate_in(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def agreed(authority: Authority, path: Path, host: str) -> bool:
    """Whether a client that trusts the authority, as strictly as it can, accepts the certificate for `host`."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cadata=authority.certificate().decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(to_client, to_server, server_hostname=host)
    callee = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        try:
            caller.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError:
            return False
        try:
            callee.do_handshake()
        except ssl.SSLWantReadError:
            pass
    caller.do_handshake()
    return True


@pytest.mark.parametrize("host", ["cloudtasks.googleapis.com", "127.0.0.1", "localhost"])
def test_a_strict_client_accepts_the_certificate_for_its_names(authority: Authority, host: str) -> None:
    assert agreed(authority, authority.leaf(NAMES), host)


@pytest.mark.parametrize("host", ["google.com", "www.google.com", "a.b.googleapis.com", "127.0.0.2"])
def test_and_for_no_other(authority: Authority, host: str) -> None:
    assert not agreed(authority, authority.leaf(NAMES), host)


def test_another_installations_certificate_is_not_accepted(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", SystemClock())
    assert not agreed(authority, other.leaf(NAMES), "localhost")


def test_the_authority_signs_certificates_of_servers_and_nothing_else(authority: Authority) -> None:
    found = x509.load_pem_x509_certificate(authority.certificate())
    limits = found.extensions.get_extension_for_class(x509.BasicConstraints)
    assert limits.critical
    assert limits.value == x509.BasicConstraints(ca=True, path_length=0)
    usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert not usage.digital_signature
    leaf = certificate_in(authority.leaf(NAMES)).extensions
    assert not leaf.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not leaf.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert list(leaf.get_extension_for_class(x509.ExtendedKeyUsage).value) == [x509.ExtendedKeyUsageOID.SERVER_AUTH]


def test_addresses_are_named_as_addresses(authority: Authority) -> None:
    names = certificate_in(authority.leaf(NAMES)).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["*.googleapis.com", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]


def test_keys_are_for_nobody_elses_eyes(authority: Authority, tmp_path: Path) -> None:
    authority.leaf(NAMES)
    files = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "tls").iterdir()}
    assert {AUTHORITY_FILE, LEAF_FILE} <= files.keys()
    assert set(files.values()) == {0o600}
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700


def test_both_stay_over_a_restart(authority: Authority, tmp_path: Path, wall: ManualClock) -> None:
    before = authority.certificate(), authority.leaf(NAMES).read_bytes()
    again = Authority(tmp_path / "tls", wall)
    assert (again.certificate(), again.leaf(NAMES).read_bytes()) == before


def test_the_certificate_is_made_anew_before_its_end(authority: Authority, wall: ManualClock) -> None:
    first, root = authority.leaf(NAMES).read_bytes(), authority.certificate()
    wall.turn(wall.now() + LEAF_LIFE - RENEW_BEFORE - DAY)
    assert authority.leaf(NAMES).read_bytes() == first
    wall.turn(wall.now() + 2 * DAY)
    renewed = authority.leaf(NAMES)
    assert renewed.read_bytes() != first
    assert certificate_in(renewed).not_valid_after_utc.timestamp() * SECOND > wall.now() + LEAF_LIFE - DAY
    assert authority.certificate() == root


def test_the_certificate_is_made_anew_for_other_names(authority: Authority) -> None:
    first = authority.leaf(NAMES).read_bytes()
    assert authority.leaf(tuple(reversed(NAMES))).read_bytes() == first
    more = authority.leaf((*NAMES, "more.example")).read_bytes()
    assert more != first
    assert authority.leaf((*NAMES, "more.example")).read_bytes() == more


def test_the_authority_is_made_anew_before_its_end_and_so_is_the_certificate(
    authority: Authority, wall: ManualClock
) -> None:
    first, leaf = authority.certificate(), authority.leaf(NAMES).read_bytes()
    wall.turn(wall.now() + AUTHORITY_LIFE - RENEW_BEFORE + DAY)
    assert authority.leaf(NAMES).read_bytes() != leaf
    assert authority.certificate() != first


def test_a_certificate_never_outlives_its_authority(authority: Authority, wall: ManualClock) -> None:
    root = x509.load_pem_x509_certificate(authority.certificate())
    wall.turn(wall.now() + AUTHORITY_LIFE - 100 * DAY)
    assert certificate_in(authority.leaf(NAMES)).not_valid_after_utc <= root.not_valid_after_utc


def test_a_certificate_of_a_lost_authority_is_replaced(authority: Authority, tmp_path: Path) -> None:
    authority.leaf(NAMES)
    (tmp_path / "tls" / AUTHORITY_FILE).unlink()
    assert agreed(authority, authority.leaf(NAMES), "localhost")


def test_many_at_once_make_one_authority(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Authority(tmp_path / "tls", SystemClock()).certificate(), range(16)))
    assert len(set(made)) == 1


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_spoilt_file_is_told_and_not_overwritten(authority: Authority, tmp_path: Path, content: bytes) -> None:
    authority.certificate()
    path = tmp_path / "tls" / AUTHORITY_FILE
    path.write_bytes(content)
    with pytest.raises(AuthorityUnusable, match=r"authority\.pem holds no key and certificate"):
        authority.leaf(NAMES)
    assert path.read_bytes() == content


def test_a_key_of_another_pair_is_told(authority: Authority, tmp_path: Path) -> None:
    leaf = authority.leaf(NAMES).read_bytes()
    root = authority.certificate()
    load_pem_private_key(leaf, None)
    path = tmp_path / "tls" / AUTHORITY_FILE
    path.write_bytes(leaf[: leaf.index(b"-----BEGIN CERT")] + root)
    with pytest.raises(AuthorityUnusable, match="different pairs") as told:
        authority.leaf(NAMES)
    assert "PRIVATE" not in str(told.value)
