"""Our own certificate authority, one per installation, and the server's certificate that it signs.

Both are elliptic-curve keys (P-256): Java, Go, Node, Python and gcloud all take them, and one is made in a millisecond.
The authority lives ten years and never leaves its file, or the vault of many nodes; the server's certificate lives as
long as clients accept, and is made anew when it comes near its end or when the wanted names change. Every call blocks
for some milliseconds. It knows nothing of TLS connections.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kumotasks.auth import private_file
from kumotasks.auth.certificate_names import as_address
from kumotasks.auth.vault import Step
from kumotasks.domain.clock import DAY, HOUR, SECOND, Clock

AUTHORITY_LIFE = 3650 * DAY
LEAF_LIFE = 397 * DAY  # the most that clients accept
RENEW_BEFORE = 30 * DAY
BACKDATED = HOUR  # clients whose clocks are behind
AUTHORITY_FILE, PUBLIC_FILE, LEAF_FILE = "authority.pem", "ca.pem", "server.pem"
LEAF_NAME = "Kumo Tasks"
Keep = Callable[[str, Step], bytes]  # a name in a vault, and what is to become of what it holds


class AuthorityUnusable(Exception):
    """The files are there but are not what they should be; the message is one clear sentence."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A private key and the certificate of its public half."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def pem(self) -> bytes:
        """Both, as one text: a file that is replaced in one step cannot be half of each."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return key + self.public_pem()

    def public_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


class Authority:
    """`directory` is for its files alone. `keep` changes what is kept of the authority itself where that is no file of
    the directory; it blocks."""

    def __init__(self, directory: Path, wall: Clock, keep: Keep | None = None) -> None:
        self._directory = directory
        self._wall = wall
        self._keep = keep or self._keep_file
        self._public = b""

    def certificate(self) -> bytes:
        """The authority's certificate, PEM: what clients are to trust. Made at first need; later calls do not block."""
        if not self._public:
            with private_file.alone(self._directory):
                self._own()
        return self._public

    def leaf(self, names: Sequence[str]) -> Path:
        """A PEM file with a key and a certificate for `names` (host names, `*.example.com`, addresses)."""
        path = self._directory / LEAF_FILE
        with private_file.alone(self._directory):
            own = self._own()
            found = private_file.read(path)
            if found is None or not self._good(_parsed(found, path), own, names):
                private_file.write(path, self._issue(own, names).pem())
        return path

    def _own(self) -> Pair:
        pair = _parsed(self._keep(AUTHORITY_FILE, self._lasting), self._directory / AUTHORITY_FILE)
        self._public = pair.public_pem()
        if private_file.read(self._directory / PUBLIC_FILE) != self._public:
            private_file.write(self._directory / PUBLIC_FILE, self._public)
        return pair

    def _lasting(self, found: bytes | None) -> bytes:
        """What was found, or a new authority if there was none or it comes near its end."""
        pair = None if found is None else _parsed(found, self._directory / AUTHORITY_FILE)
        if found is None or pair is None or _end(pair.certificate) < self._wall.now() + RENEW_BEFORE:
            return self._found().pem()
        return found

    def _keep_file(self, name: str, step: Step) -> bytes:
        found = private_file.read(self._directory / name)
        kept = step(found)
        if kept != found:
            private_file.write(self._directory / name, kept)
        return kept

    def _good(self, pair: Pair, own: Pair, names: Sequence[str]) -> bool:
        certificate = pair.certificate
        try:
            certificate.verify_directly_issued_by(own.certificate)
        except (InvalidSignature, ValueError, TypeError):  # another authority's, by signature, name or kind of key
            return False
        now = self._wall.now()
        fresh = _start(certificate) <= now and now + RENEW_BEFORE <= _end(certificate)
        return fresh and _names(certificate) == set(_general(names))

    def _found(self) -> Pair:
        """A new authority, which can sign certificates of servers and nothing else."""
        key = ec.generate_private_key(ec.SECP256R1())
        digest = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        # The name tells one installation's authority from another's: clients look for issuers by name.
        subject = _name(f"Kumo Tasks authority {digest.digest.hex()[:8]}")
        builder = self._begun(key, subject, subject, AUTHORITY_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        builder = builder.add_extension(digest, critical=False)
        return Pair(key, builder.sign(key, hashes.SHA256()))

    def _issue(self, own: Pair, names: Sequence[str]) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        life = min(LEAF_LIFE, _end(own.certificate) - self._wall.now())
        builder = self._begun(key, _name(LEAF_NAME), own.certificate.subject, life)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(own.key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        return Pair(key, builder.sign(own.key, hashes.SHA256()))

    def _begun(
        self, key: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, life: int
    ) -> x509.CertificateBuilder:
        now = self._wall.now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_calendar(now - BACKDATED))
            .not_valid_after(_calendar(now + life))
        )


def _parsed(content: bytes, path: Path) -> Pair:
    try:
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError) as error:
        raise AuthorityUnusable(f"{path} holds no key and certificate: put it back, or remove it.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityUnusable(f"{path} holds a key and a certificate of different pairs: put it back, or remove it.")
    return Pair(key, certificate)


def _general(names: Sequence[str]) -> list[x509.GeneralName]:
    addresses = [(name, as_address(name)) for name in names]
    return [x509.DNSName(name) if address is None else x509.IPAddress(address) for name, address in addresses]


def _names(certificate: x509.Certificate) -> set[x509.GeneralName]:
    try:
        return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return set()


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _calendar(instant: int) -> datetime:
    return datetime.fromtimestamp(instant // SECOND, UTC)


def _start(certificate: x509.Certificate) -> int:
    return int(certificate.not_valid_before_utc.timestamp()) * SECOND


def _end(certificate: x509.Certificate) -> int:
    return int(certificate.not_valid_after_utc.timestamp()) * SECOND
