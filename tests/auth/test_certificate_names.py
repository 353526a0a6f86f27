"""Which names the server's certificate bears."""

from __future__ import annotations

import pytest

from kumotasks.auth.certificate_names import normal, served_names


def test_the_names_are_googles_cloud_runs_and_our_own() -> None:
    names = served_names(regions=["us-central1", "europe-west3"], hosts=["127.0.0.1", "Tasks.Example.com", "::1"])
    assert set(names) == {
        "*.googleapis.com",
        "googleapis.com",
        "accounts.google.com",
        "metadata.google.internal",
        "*.run.app",
        "*.a.run.app",
        "*.us-central1.run.app",
        "*.europe-west3.run.app",
        "*.us-central1.run.localhost",
        "*.europe-west3.run.localhost",
        "localhost",
        "127.0.0.1",
        "::1",
        "tasks.example.com",
    }
    assert names == tuple(sorted(names))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("*.Example.com", "*.example.com"),
        ("[::1]", "::1"),
        ("0.0.0.0", ""),
        ("::", ""),
        ("", ""),
        ("*", ""),
        ("a.*.example", ""),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a..b", ""),
        ("x" * 64, ""),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_hosts_are_written_as_certificates_write_them(host: str, name: str) -> None:
    assert normal(host) == name
