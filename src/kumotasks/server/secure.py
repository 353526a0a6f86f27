"""TLS and the proxy, put together: which certificate, who signs it, and the two ports that speak it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kumotasks.api.outside import Outside
from kumotasks.api.proxy import Proxy
from kumotasks.api.tls import CertificateFiles, Certificates
from kumotasks.auth.authority import Authority
from kumotasks.auth.certificate_names import served_names
from kumotasks.dispatch.resolver import Resolver
from kumotasks.lifecycle import Component, Listener
from kumotasks.server.addresses import Addresses
from kumotasks.server.identity import Known
from kumotasks.service.locations import REGIONS
from kumotasks.settings import Settings


@dataclass(frozen=True, slots=True)
class Secure:
    """The parts of TLS in the order of their start; `authority` is our own, None if the operator brought one."""

    certificates: Certificates
    listener: Listener
    proxy: Proxy
    authority: Authority | None

    @property
    def components(self) -> tuple[Component, ...]:
        return (self.listener, self.proxy)


def secure(
    settings: Settings,
    addresses: Addresses,
    known: Known,
    *,
    listen: Callable[[Certificates], Listener],
    ours: Callable[[str], bool],
) -> Secure | None:
    """None while TLS is off. `listen` makes the listener of the TLS port; `ours` knows the hosts of our services."""
    if addresses.secure is None or addresses.proxy is None:
        return None
    wall, vault = known.wall, known.beside.shared
    keep = None if vault is None else vault.change_from_thread
    authority = Authority(settings.data_directory / "tls", wall, keep) if settings.tls == "auto" else None
    client_authority = Path(settings.tls_client_ca) if settings.tls_client_ca else None
    certificates = Certificates(_files(settings, addresses, authority), wall, client_authority=client_authority)
    listener = listen(certificates)
    outside = Outside(Resolver(clock=wall).resolve) if settings.proxy_others == "tunnel" else None
    proxy = Proxy(addresses.proxy, listener.adopt, ours=ours, outside=outside)
    return Secure(certificates, listener, proxy, authority)


def _files(settings: Settings, addresses: Addresses, authority: Authority | None) -> Callable[[], CertificateFiles]:
    if authority is None:
        files = CertificateFiles.parse(settings.tls)
        return lambda: files
    regions = [settings.location, *(region for region, _ in REGIONS)]
    names = served_names(regions=regions, hosts=(*addresses.hosts, *settings.run_hosts))
    return lambda: CertificateFiles(authority.leaf(names))
