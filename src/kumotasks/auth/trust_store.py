"""What a program on this machine trusts: the system's root certificates and one more, in the forms that programs read.

A PEM bundle for most of them, a PKCS12 trust store for Java. It writes nothing and asks nobody.
"""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

PASSWORD = "changeit"  # noqa: S105 - Java's own default; there is nothing secret in a trust store
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
# Where systems keep their roots in one file: Debian, Fedora, Alpine and macOS, openSUSE.
PLACES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


def system_roots(named: str = "") -> tuple[bytes, ...]:
    """The certificates (PEM) that this machine trusts: those of the file `named`, else of the system's own."""
    for place in (named, ssl.get_default_verify_paths().openssl_cafile, *PLACES):
        try:
            found = certificates(Path(place).read_bytes()) if place else ()
        except OSError:
            continue
        if found:
            return found
    return ()


def certificates(pem: bytes) -> tuple[bytes, ...]:
    """The certificates of a PEM text, each once."""
    return tuple(dict.fromkeys(each + b"\n" for each in CERTIFICATE.findall(pem)))


def fingerprint(pem: bytes) -> str:
    """Sixteen hex digits that stand for a certificate; ValueError if it is none."""
    return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()).hex()[:16]


def bundle(roots: Iterable[bytes], own: bytes) -> bytes:
    """All of them as one PEM text, `own` last."""
    return b"".join([*(each for each in roots if each != own), own])


def java_trust_store(pems: Iterable[bytes]) -> bytes:
    """A PKCS12 file that Java takes as a trust store, the oldest ones in use included."""
    entries = [pkcs12.PKCS12Certificate(found, _alias(found, at)) for at, found in enumerate(_readable(pems))]
    sealed = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(hashes.SHA1())  # noqa: S303 - older Javas read no other, and nothing secret is inside
        .build(PASSWORD.encode())
    )
    return pkcs12.serialize_java_truststore(entries, sealed)


def _readable(pems: Iterable[bytes]) -> Iterator[x509.Certificate]:
    """Those that can be read: systems carry a few roots that break the rules of today."""
    for pem in pems:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = x509.load_pem_x509_certificate(pem)
            except ValueError:
                continue
        yield found


def _alias(certificate: x509.Certificate, at: int) -> bytes:
    return f"{at}-{certificate.fingerprint(hashes.SHA256()).hex()[:16]}".encode()
