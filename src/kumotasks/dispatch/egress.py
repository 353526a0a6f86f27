"""Which targets the dispatcher may reach: a verdict on the very address that a connection goes to. Pure, no look-ups.

Whoever may create a task chooses its URL, so the policy looks at what the name became and not at how it was spelled:
`2130706433`, `0x7f.1` and `localhost` all arrive here as 127.0.0.1. IPv6 forms that carry an IPv4 address (mapped,
compatible, translated, NAT64, 6to4, Teredo) are judged as both. Some ranges are refused whatever the rules say: where
machines keep their credentials, and what no worker can live on. It must never open a socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from kumotasks.domain.attempt import Barred

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*ranges: str) -> tuple[Network, ...]:
    return tuple(ip_network(each) for each in ranges)


METADATA_HOSTS = frozenset({"metadata.google.internal", "metadata.goog"})
METADATA_RULE = "metadata services are always refused"

ALWAYS_REFUSED: tuple[tuple[str, tuple[Network, ...]], ...] = (
    (
        METADATA_RULE,
        # Every cloud's; then AWS and GCP over IPv6, Scaleway, Alibaba, Oracle, Azure.
        _networks(
            "169.254.169.254",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fd00:42::42",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
        ),
    ),
    ("link-local addresses are always refused", _networks("169.254.0.0/16", "fe80::/10")),
    ("unspecified addresses are always refused", _networks("0.0.0.0/8", "::")),
    ("multicast addresses are always refused", _networks("224.0.0.0/4", "ff00::/8")),
    ("broadcast addresses are always refused", _networks("255.255.255.255")),
)
LOOPBACK = _networks("127.0.0.0/8", "::1")
PRIVATE = _networks(
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",  # carrier-grade NAT
    "192.0.0.0/24",
    "198.18.0.0/15",  # benchmarks, inside networks
    "240.0.0.0/4",
    "fc00::/7",
    "fec0::/10",
    "64:ff9b:1::/48",  # local NAT64: where the IPv4 address stands is each network's own choice
)

_LAST_32_BITS_ARE_IPV4 = _networks("::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


@dataclass(frozen=True, slots=True)
class EgressRule:
    """One explicit rule: `network` if its text is an address or a CIDR, else a pattern of host names with `*`."""

    allow: bool
    text: str
    network: Network | None = None

    @staticmethod
    def parse(text: str, *, allow: bool) -> EgressRule:
        """Read `10.1.0.0/16`, `::1` or `*.corp.example`; ValueError for a CIDR that is none."""
        try:
            return EgressRule(allow, text, ip_network(text, strict=False))
        except ValueError:
            if "/" in text:
                raise
            return EgressRule(allow, text)

    def matches(self, host: str, address: Address | None) -> bool:
        if self.network is None:
            return fnmatchcase(host, _plain(self.text))
        return address is not None and address in self.network


class Egress:
    """The policy. Explicit rules come first, in their order, the first that matches decides."""

    def __init__(
        self, *, loopback_allowed: bool, private_allowed: bool = True, rules: tuple[EgressRule, ...] = ()
    ) -> None:
        self._loopback_allowed = loopback_allowed
        self._private_allowed = private_allowed
        self._rules = rules

    def judge(self, host: str, address: str) -> Barred | None:
        """Whether `host` may be reached at `address`, the address a connection goes to; None if it may."""
        try:
            outer = ip_address(address.partition("%")[0])
        except ValueError:
            return Barred(f"{host} ({address}) is refused by the egress policy: not an address")
        plain, carried = _plain(host), forms(outer)
        rules = [_always(plain, each) for each in carried] + [self._refusal(plain, each) for each in carried]
        rule = next((rule for rule in rules if rule), None)
        return Barred(f"{host} ({address}) is refused by the egress policy: {rule}") if rule else None

    def judge_name(self, host: str) -> Barred | None:
        """The part of the verdict that needs no address, for when a proxy looks the name up."""
        plain = _plain(host)
        rule = METADATA_RULE if plain in METADATA_HOSTS else self._explicit(plain, None)
        return Barred(f"{host} is refused by the egress policy: {rule}") if rule else None

    def _refusal(self, host: str, address: Address) -> str | None:
        explicit = self._explicit(host, address)
        if explicit is not None:
            return explicit or None
        if _within(address, LOOPBACK) and not self._loopback_allowed:
            return "loopback addresses are not allowed"
        if _within(address, PRIVATE) and not self._private_allowed:
            return "private addresses are not allowed"
        return None

    def _explicit(self, host: str, address: Address | None) -> str | None:
        """The sentence of the first rule that matches, empty if it allows; None if no rule matches."""
        for rule in self._rules:
            if rule.matches(host, address):
                return "" if rule.allow else f"denied by the rule {rule.text}"
        return None


def _always(host: str, address: Address) -> str | None:
    """What no rule can allow."""
    if host in METADATA_HOSTS:
        return METADATA_RULE
    return next((sentence for sentence, networks in ALWAYS_REFUSED if _within(address, networks)), None)


def forms(address: Address) -> tuple[Address, ...]:
    """The address and the IPv4 address inside it, if it carries one; a mapped address is nothing but its inner one."""
    if isinstance(address, IPv4Address):
        return (address,)
    inner = _inner(address)
    if inner is None:
        return (address,)
    return (inner,) if address.ipv4_mapped else (address, inner)


def _inner(address: IPv6Address) -> IPv4Address | None:
    number = int(address)
    last = number & 0xFFFFFFFF
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if _within(address, _LAST_32_BITS_ARE_IPV4) or (number >> 32 & 0xFFFFFFFF) in _ISATAP:
        return IPv4Address(last)
    if address in _COMPATIBLE and last > 1:  # :: and ::1 are themselves
        return IPv4Address(last)
    return None


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _plain(host: str) -> str:
    return host.rstrip(".").lower()
