"""Which addresses may be reached."""

from __future__ import annotations

import re

import pytest

from kumotasks.dispatch.egress import Egress, EgressRule, read_rules
from kumotasks.domain.attempt import Barred

OPEN = Egress(loopback_allowed=True)
CLOSED = Egress(loopback_allowed=False, private_allowed=False)
ALLOW_ALL = tuple(EgressRule.parse(text, allow=True) for text in ("*", "0.0.0.0/0", "::/0"))


def with_rules(*rules: str, closed: bool = True) -> Egress:
    """Rules written `+10.0.0.0/8` and `-*.example`."""
    parsed = tuple(EgressRule.parse(rule[1:], allow=rule[0] == "+") for rule in rules)
    return Egress(loopback_allowed=not closed, private_allowed=not closed, rules=parsed)


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("192.0.0.192", "metadata"),
        ("169.254.0.1", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("febf::1", "link-local"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("::ffff:169.254.169.254", "metadata"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("::169.254.169.254", "metadata"),
        ("::ffff:0:169.254.169.254", "metadata"),
        ("64:ff9b::169.254.169.254", "metadata"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("64:ff9b:1::a9fe:a9fe", "metadata"),
        ("2002:a9fe:a9fe::1", "metadata"),
        ("2002:a9fe:0001::", "link-local"),
        ("2001:0:4136:e378:8000:63bf:5601:5601", "metadata"),  # Teredo: the client's address, inverted
        ("2001:db8::5efe:169.254.169.254", "metadata"),  # ISATAP
    ],
)
def test_some_addresses_are_refused_whatever_the_rules_say(address: str, rule: str) -> None:
    for egress in (OPEN, CLOSED, Egress(loopback_allowed=True, rules=ALLOW_ALL)):
        verdict = egress.judge("worker.example", address)
        assert verdict is not None
        assert f"{rule} " in verdict.reason


@pytest.mark.parametrize("host", ["metadata.google.internal", "METADATA.google.Internal.", "metadata.goog"])
def test_metadata_hosts_are_refused_by_name(host: str) -> None:
    for egress in (OPEN, Egress(loopback_allowed=True, rules=ALLOW_ALL)):
        assert egress.judge(host, "8.8.8.8") is not None
        assert egress.judge_name(host) is not None


LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1"]


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_a_matter_of_settings(address: str) -> None:
    assert OPEN.judge("localhost", address) is None
    assert CLOSED.judge("localhost", address) == Barred(
        f"localhost ({address}) is refused by the egress policy: loopback addresses are not allowed without a rule"
    )


PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "198.18.0.1",
    "fc00::1",
    "fdff::1",
    "fec0::1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "2002:a00:1::",
    "::192.168.0.1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_ranges_are_a_matter_of_settings(address: str) -> None:
    assert OPEN.judge("h", address) is None
    verdict = CLOSED.judge("h", address)
    assert verdict is not None
    assert verdict.reason.endswith("private addresses are not allowed without a rule")


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "11.0.0.1", "2606:4700::1111"]
)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert CLOSED.judge("h", address) is None


def test_what_is_no_address_is_refused() -> None:
    assert OPEN.judge("h", "worker.example") is not None
    assert OPEN.judge("h", "") is not None


@pytest.mark.parametrize(
    ("rules", "host", "address", "allowed"),
    [
        (["+10.1.0.0/16"], "h", "10.1.2.3", True),
        (["+10.1.0.0/16"], "h", "10.2.2.3", False),
        (["+10.1.0.0/16"], "h", "::ffff:10.1.2.3", True),
        (["+10.1.0.0/16", "-::/0"], "h", "::ffff:10.1.2.3", True),
        (["+127.0.0.1"], "h", "127.0.0.1", True),
        (["+127.0.0.1"], "h", "127.0.0.2", False),
        (["+::1"], "h", "::1", True),
        (["+*.corp.example"], "api.CORP.example.", "192.168.0.1", True),
        (["+*.corp.example"], "corp.example", "192.168.0.1", False),
        (["+*.corp.example"], "corp.example.evil.example", "192.168.0.1", False),
        (["-8.8.8.0/24"], "h", "8.8.8.8", False),
        (["-8.8.8.0/24"], "h", "64:ff9b::8.8.8.8", False),
        (["-*.EVIL.example"], "a.evil.example", "8.8.8.8", False),
        (["-*"], "anything", "8.8.8.8", False),
        (["+good.example", "-*"], "good.example", "8.8.8.8", True),
        (["+good.example", "-*"], "bad.example", "8.8.8.8", False),
        (["-10.9.0.0/16", "+10.0.0.0/8"], "h", "10.9.0.1", False),
        (["-10.9.0.0/16", "+10.0.0.0/8"], "h", "10.8.0.1", True),
        (["+2000::/3"], "h", "2002:a00:1::", False),  # a rule about the wrapping says nothing of what is inside
        (["-::ffff:8.8.8.0/120"], "h", "8.8.8.8", False),  # a rule may have the mapped form too
        (["-::ffff:8.8.8.0/120"], "h", "::ffff:8.8.8.8", False),
        (["+[::1]"], "h", "::1", True),
        (["-*.EXAMPLE."], "a.example", "8.8.8.8", False),
        (["-bücher.example"], "xn--bcher-kva.example", "8.8.8.8", False),
        (["-a?.example"], "ab.example", "8.8.8.8", False),
        (["-10.0.0.0/8", "+*.corp.example", "-*"], "api.corp.example", "192.168.0.1", True),  # mixed, in their order
        (["-10.0.0.0/8", "+*.corp.example", "-*"], "api.corp.example", "10.0.0.1", False),
        (["-10.0.0.0/8", "+*.corp.example", "-*"], "else.example", "8.8.8.8", False),
        (["+10.1.2.3/8"], "h", "10.200.0.1", True),  # host bits are taken as meant
    ],
)
def test_the_first_rule_that_matches_decides(rules: list[str], host: str, address: str, allowed: bool) -> None:
    assert (with_rules(*rules).judge(host, address) is None) is allowed


def test_a_refusal_names_host_address_and_rule() -> None:
    assert with_rules("-8.8.0.0/16").judge("dns.example", "8.8.4.4") == Barred(
        "dns.example (8.8.4.4) is refused by the egress policy: denied by the rule 8.8.0.0/16"
    )


@pytest.mark.parametrize(
    "text",
    [
        *("10.0.0.0/33", "::/129", "example/8", "http://worker.example", "worker.example:8080", "[::1", "a b", "", "."),
        *("a..b", "[ab].example", "bü*.example"),
        *("10.*", "10.0.*.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.1", "1??.2.3.4"),
    ],
)
def test_a_rule_that_would_not_do_what_it_says_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|network|label"):
        EgressRule.parse(text, allow=True)


def test_rules_are_read_in_the_order_that_counts() -> None:
    rules = read_rules(("deny 10.9.0.0/16", " allow  10.0.0.0/8 "), ("*.example",), ("*",))
    assert [(rule.allow, rule.text) for rule in rules] == [
        (False, "10.9.0.0/16"),
        (True, "10.0.0.0/8"),
        (True, "*.example"),
        (False, "*"),
    ]


@pytest.mark.parametrize("line", ["10.0.0.0/8", "allow", "allow ", "permit *", "DENY *", ""])
def test_a_rule_without_its_verb_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{line!r}: a rule is written like 'allow 10.1.0.0/16'")):
        read_rules((line,), (), ())


def test_the_rule_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ValueError, match=r"^'deny 10\.\*': a range of addresses is written like 10\.0\.0\.0/8$"):
        read_rules(("allow *",), (), ("10.*",))


def test_a_name_alone_is_judged_by_the_rules_for_names() -> None:
    egress = with_rules("-10.0.0.0/8", "-*.evil.example", "+*")
    assert egress.judge_name("a.evil.example") == Barred(
        "a.evil.example is refused by the egress policy: denied by the rule *.evil.example"
    )
    assert egress.judge_name("good.example") is None
