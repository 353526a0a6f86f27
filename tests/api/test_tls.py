"""The TLS port's certificate: taken, renewed, refused."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest
import trustme

from kumotasks.api.tls import (
    LOOK_EVERY,
    CertificateFiles,
    Certificates,
    CertificateUnusable,
    fresh_context,
    load,
    trust_clients,
)
from kumotasks.auth.authority import Authority, AuthorityUnusable
from kumotasks.domain.clock import ManualClock, SystemClock
from kumotasks.lifecycle import Listener
from tests.api.peer import both_loops, connected, echo, serving

AUTHORITY = trustme.CA()


@pytest.fixture
def wall() -> ManualClock:
    return ManualClock(SystemClock().now())


def issue(directory: Path, name: str = "server", host: str = "localhost") -> CertificateFiles:
    """Files of a new certificate under `name`, in place of what was there."""
    made = AUTHORITY.issue_cert(host)
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    made.cert_chain_pems[0].write_to_path(certificate)
    made.private_key_pem.write_to_path(key)
    return CertificateFiles(certificate, key)


def trusting(certificate: trustme.LeafCert | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if certificate is not None:
        certificate.configure_cert(context)
    return context


def shown(peer: object) -> int:
    """The serial number of the certificate that a server showed."""
    certificate = peer.writer.get_extra_info("ssl_object").getpeercert()  # type: ignore[attr-defined]
    return int(certificate["serialNumber"], 16)


def test_the_option_names_two_files() -> None:
    assert CertificateFiles.parse("a.crt:b.key") == CertificateFiles(Path("a.crt"), Path("b.key"))


@pytest.mark.parametrize("text", ["a.crt", ":b", "a:", ""])
def test_an_option_that_names_no_two_files_is_told(text: str) -> None:
    with pytest.raises(CertificateUnusable, match="CERT:KEY"):
        CertificateFiles.parse(text)


def test_no_older_protocol_than_tls_1_2() -> None:
    assert fresh_context().minimum_version is ssl.TLSVersion.TLSv1_2


@both_loops
async def test_a_renewed_certificate_is_shown_without_a_restart(tmp_path: Path, wall: ManualClock) -> None:
    certificates = Certificates(lambda: CertificateFiles(tmp_path / "server.crt", tmp_path / "server.key"), wall)
    issue(tmp_path)
    await certificates.start()
    async with serving(echo, tls=certificates.context) as port, connected(port, trusting()) as before:
        issue(tmp_path)
        wall.turn(wall.now() + LOOK_EVERY)
        assert certificates._looking is not None
        await certificates._looking
        async with connected(port, trusting()) as after:
            assert shown(after) != shown(before)
            before.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert b"200" in await before.reader.readline()
    await certificates.stop()


@both_loops
async def test_a_spoilt_renewal_is_told_and_the_old_certificate_goes_on(
    tmp_path: Path, wall: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    files = issue(tmp_path)
    assert files.key is not None
    certificates = Certificates(lambda: files, wall)
    await certificates.start()
    other = issue(tmp_path, "other")
    for spoil in (
        lambda: files.certificate.write_text("nonsense"),
        lambda: shutil.copy(other.certificate, files.certificate),  # which has another key
        files.certificate.unlink,
    ):
        spoil()
        caplog.clear()
        wall.turn(wall.now() + LOOK_EVERY)
        assert certificates._looking is not None
        await certificates._looking
        assert "was not renewed" in caplog.text
        async with serving(echo, tls=certificates.context) as port, connected(port, trusting()) as peer:
            assert shown(peer)
    await certificates.stop()


async def test_an_authority_that_is_unusable_later_does_not_end_the_watch(wall: ManualClock, tmp_path: Path) -> None:
    answers = [issue(tmp_path)]

    def files() -> CertificateFiles:
        if not answers:
            raise AuthorityUnusable("spoilt")
        return answers.pop()

    certificates = Certificates(files, wall)
    await certificates.start()
    for _ in range(2):
        due = wall.next_event()
        assert due is not None
        wall.turn(due)
        assert certificates._looking is not None
        await certificates._looking
    await certificates.stop()


async def test_our_own_authority_serves(tmp_path: Path) -> None:
    authority = Authority(tmp_path, SystemClock())
    certificates = Certificates(lambda: CertificateFiles(authority.leaf(("localhost",))), SystemClock())
    await certificates.start()
    client = ssl.create_default_context(cadata=authority.certificate().decode())
    async with serving(echo, tls=certificates.context) as port, connected(port, client) as peer:
        assert shown(peer)
    await certificates.stop()
    await certificates.stop()


async def test_a_missing_file_is_one_clear_line(tmp_path: Path, wall: ManualClock) -> None:
    certificates = Certificates(lambda: CertificateFiles(tmp_path / "no.crt", tmp_path / "no.key"), wall)
    with pytest.raises(CertificateUnusable, match=r"no\.crt: no such file or directory\."):
        await certificates.start()
    await certificates.stop()


def test_a_key_of_another_certificate_is_one_clear_line(tmp_path: Path) -> None:
    one, two = issue(tmp_path, "one"), issue(tmp_path, "two")
    context = fresh_context()
    load(context, one)
    with pytest.raises(CertificateUnusable, match=r"one\.crt with .*two\.key: key values mismatch"):
        load(context, CertificateFiles(one.certificate, two.key))


def test_a_spoilt_client_authority_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "clients.pem"
    path.write_text("nonsense")
    with pytest.raises(CertificateUnusable, match=r"clients\.pem: "):
        trust_clients(fresh_context(), path)


async def refused(port: Listener, client: ssl.SSLContext) -> bool:
    """Whether the client gets no answer; over TLS 1.3 it learns so with its first read."""
    try:
        async with connected(port, client) as peer:
            peer.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            return not await peer.reader.readline()
    except (ssl.SSLError, ConnectionError):
        return True


@both_loops
async def test_clients_must_show_a_certificate_where_one_is_asked_for(tmp_path: Path, wall: ManualClock) -> None:
    clients = trustme.CA()
    clients.cert_pem.write_to_path(tmp_path / "clients.pem")
    files = issue(tmp_path)
    certificates = Certificates(lambda: files, wall, client_authority=tmp_path / "clients.pem")
    await certificates.start()
    async with serving(echo, tls=certificates.context) as port:
        known = trusting(clients.issue_cert("client.example"))
        async with connected(port, known) as peer:
            peer.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            assert b"200" in await peer.reader.readline()
        for stranger in (trusting(), trusting(trustme.CA().issue_cert("client.example"))):
            assert await refused(port, stranger)
    await certificates.stop()
