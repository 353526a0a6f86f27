"""Which targets the dispatcher may reach: a verdict on the very address that a connection goes to. Pure, no look-ups.

Whoever may create a task chooses its URL, so the policy looks at what the name became and not at how it was spelled:
`2130706433`, `0x7f.1` and `localhost` all arrive here as 127.0.0.1. IPv6 forms that carry an IPv4 address (mapped,
compatible, translated, NAT64, 6to4, Teredo) are judged as both. Some ranges are refused whatever the rules say: where
machines keep their credentials, and what no worker can live on. It must never open a socket.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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
_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})

_VERBS = {"allow": True, "deny": False}
_PATTERN = re.compile(r"[a-z0-9_*?-]+(?:\.[a-z0-9_*?-]+)*")
_PART_OF_AN_ADDRESS = re.compile(r"[0-9*?]+|0x[0-9a-f*?]*")


@dataclass(frozen=True, slots=True)
class EgressRule:
    """One explicit rule: `network` if its text is an address or a CIDR, else a pattern of host names with `*`."""

    allow: bool
    text: str
    network: Network | None = None

    @staticmethod
    def parse(text: str, *, allow: bool) -> EgressRule:
        """Read `10.1.0.0/16`, `::1` or `*.corp.example`; ValueError for what is none of these."""
        bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        try:
            network = ip_network(bare, strict=False)
        except ValueError:
            if "/" in text:
                raise
            return EgressRule(allow, _pattern(text))
        if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
            network = IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
        return EgressRule(allow, text, network)

    @staticmethod
    def read(line: str) -> EgressRule:
        """Read a rule with its verb: `allow 10.1.0.0/16`, `deny *.corp.example`."""
        verb, _, text = line.strip().partition(" ")
        if verb not in _VERBS or not text.strip():
            raise ValueError("a rule is written like 'allow 10.1.0.0/16' or 'deny *.corp.example'")
        return EgressRule.parse(text.strip(), allow=_VERBS[verb])

    def matches(self, host: str, address: Address | None) -> bool:
        if self.network is None:
            return fnmatchcase(host, self.text)
        return address is not None and address in self.network


def read_rules(rules: Iterable[str], allow: Iterable[str], deny: Iterable[str]) -> tuple[EgressRule, ...]:
    """The operator's rules in the order that counts: those with a verb as they stand, then what is allowed, then what
    is denied. ValueError says which one cannot be read, and why."""
    lines = [*rules, *(f"allow {text}" for text in allow), *(f"deny {text}" for text in deny)]
    return tuple(_read(line) for line in lines)


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
            return "loopback addresses are not allowed without a rule"
        if _within(address, PRIVATE) and not self._private_allowed:
            return "private addresses are not allowed without a rule"
        return None

    def _explicit(self, host: str, address: Address | None) -> str | None:
        """The sentence of the first rule that matches, empty if it allows; None if no rule matches."""
        for rule in self._rules:
            if rule.matches(host, address):
                return "" if rule.allow else f"denied by the rule {rule.text}"
        return None


def _read(line: str) -> EgressRule:
    try:
        return EgressRule.read(line)
    except ValueError as error:
        raise ValueError(f"{line!r}: {error}") from error


def _pattern(text: str) -> str:
    """A pattern of host names as hosts are spelled when they are judged: lower case, ASCII, no dot at the end."""
    labels = _plain(text).split(".")
    spelled = ".".join(label if label.isascii() else label.encode("idna").decode("ascii") for label in labels)
    cut = any(not label.isascii() and set(label) & set("*?") for label in labels)  # half a label has no ASCII form
    if cut or _PATTERN.fullmatch(spelled) is None:
        raise ValueError(
            "not an address, a range of addresses like 10.0.0.0/8, or a host name in which * stands for any"
        )
    if all(_PART_OF_AN_ADDRESS.fullmatch(label) for label in labels) and any(map(str.isdigit, spelled)):
        raise ValueError("a range of addresses is written like 10.0.0.0/8")  # as a name, other spellings would pass by
    return spelled


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
