"""The key ring: made once, by whoever comes first, and turned with overlap."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kumotasks.auth import keyring as keyring_module
from kumotasks.auth import private_file, ring, vault
from kumotasks.auth.keyring import OVERLAP, Keyring, SigningKey
from kumotasks.domain.clock import HOUR, SECOND, ManualClock
from kumotasks.domain.errors import InvalidArgument, StorageUnavailable
from tests.auth.quick_keys import quick_keys
from tests.factory import NOW

__all__ = ["quick_keys"]
ACCOUNT = "100000000000000000001"
OTHER = "100000000000000000002"

CHILD = """
import asyncio, os, sys
from pathlib import Path
from kumotasks.auth.keyring import Keyring
from kumotasks.domain.clock import ManualClock

async def main(directory, task, step):
    keyring = Keyring(Path(directory), ManualClock(int(sys.argv[4])))
    if step:
        setattr(os, step, lambda *_: os._exit(9))
    if task == "rotate":
        await keyring.rotate()
    else:
        print((await keyring.signing()).key_id, (await keyring.secrets())[0].hex())

asyncio.run(main(*sys.argv[1:4]))
"""


def child(directory: Path, task: str, step: str = "") -> subprocess.Popen[str]:
    """Another process with the key ring; with `step`, it dies there."""
    line = [sys.executable, "-c", CHILD, str(directory), task, step, str(NOW)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True)


def dies(directory: Path, task: str, step: str) -> bool:
    """Another process that dies at `step`."""
    with child(directory, task, step) as process:
        process.communicate()
    return process.returncode == 9


def files(directory: Path) -> list[str]:
    """What lies below a directory."""
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))


def modes(directory: Path) -> dict[str, str]:
    paths = [directory, *directory.rglob("*")]
    return {path.relative_to(directory).as_posix(): oct(stat.S_IMODE(path.stat().st_mode)) for path in paths}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys"


@pytest.fixture
def keyring(directory: Path, clock: ManualClock, quick_keys: None) -> Keyring:
    return Keyring(directory, clock)


def ids(keys: tuple[SigningKey, ...]) -> list[str]:
    return [key.key_id for key in keys]


async def test_a_start_makes_nothing(keyring: Keyring, directory: Path) -> None:
    await keyring.start()
    await keyring.stop()
    assert not files(directory.parent)


async def test_the_key_stays_what_it_is(keyring: Keyring, directory: Path, clock: ManualClock) -> None:
    made = await keyring.signing()
    again = await Keyring(directory, clock).signing()
    assert await keyring.signing() is made
    assert again == made
    assert again.private.private_numbers() == made.private.private_numbers()


async def test_everything_is_closed_to_others(keyring: Keyring, directory: Path) -> None:
    before = os.umask(0)
    try:
        await keyring.published()
        await keyring.account_key(ACCOUNT)
        await keyring.rotate()
    finally:
        os.umask(before)
    assert modes(directory) == {
        ".": "0o700",
        ".lock": "0o600",
        "ring.json": "0o600",
        "accounts": "0o700",
        "accounts/.lock": "0o600",
        f"accounts/{ACCOUNT}.json": "0o600",
    }


async def test_the_whole_directory_is_closed_when_an_accounts_key_comes_first(
    keyring: Keyring, directory: Path
) -> None:
    await keyring.account_key(ACCOUNT)
    assert {mode for name, mode in modes(directory).items() if name in {".", "accounts"}} == {"0o700"}


async def test_a_key_says_who_it_is(keyring: Keyring) -> None:
    key = await keyring.signing()
    certificate = x509.load_pem_x509_certificate(key.certificate.encode())
    spki = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    assert re.fullmatch("[0-9a-f]{40}", key.key_id)
    assert key.created == NOW
    assert certificate.public_key().public_bytes(*spki) == key.private.public_key().public_bytes(*spki)
    assert certificate.not_valid_before_utc.timestamp() == NOW / SECOND
    assert key.jwk().keys() == {"kty", "alg", "use", "kid", "n", "e"}
    assert (key.jwk()["kid"], key.jwk()["alg"], key.jwk()["e"]) == (key.key_id, "RS256", "AQAB")
    certificate.verify_directly_issued_by(certificate)


async def test_callers_at_once_get_one_key(keyring: Keyring) -> None:
    made = await asyncio.gather(*(keyring.signing() for _ in range(20)))
    assert len(set(ids(tuple(made)))) == 1


async def test_two_key_rings_on_one_directory_agree(keyring: Keyring, directory: Path, clock: ManualClock) -> None:
    other = Keyring(directory, clock)
    one, two = await asyncio.gather(keyring.signing(), other.signing())
    assert one == two
    assert await keyring.secrets() == await other.secrets()
    assert ids(await keyring.published()) == ids(await other.published())
    one, two = await asyncio.gather(keyring.account_key(ACCOUNT), other.account_key(ACCOUNT))
    assert one == two


async def test_two_processes_on_one_directory_agree(directory: Path) -> None:
    racers = [child(directory, "tell") for _ in range(2)]
    told = {racer.communicate()[0] for racer in racers}
    assert len(told) == 1
    assert re.fullmatch(r"[0-9a-f]{40} [0-9a-f]{64}\n", told.pop())


async def test_a_rotation_is_seen_by_others_within_a_second(
    keyring: Keyring, directory: Path, clock: ManualClock
) -> None:
    other = Keyring(directory, clock)
    await other.published()
    made = await keyring.rotate()
    clock.turn(NOW + SECOND)
    assert await other.signing() == made
    assert await other.secrets() == await keyring.secrets()


async def test_a_rotation_makes_a_new_key_and_secret(keyring: Keyring) -> None:
    old, (secret,) = await keyring.signing(), await keyring.secrets()
    new = await keyring.rotate()
    assert new.key_id != old.key_id
    assert await keyring.signing() is new
    assert (await keyring.secrets())[1:] == (secret,)
    assert (await keyring.secrets())[0] != secret


async def test_a_retired_key_is_published_for_the_overlap(keyring: Keyring, clock: ManualClock) -> None:
    old = await keyring.signing()
    new = await keyring.rotate()
    clock.turn(NOW + OVERLAP - 1)
    assert {old.key_id, new.key_id} < set(ids(await keyring.published()))
    assert len(await keyring.secrets()) == 2
    clock.turn(NOW + OVERLAP)
    assert old.key_id not in ids(await keyring.published())
    assert new.key_id in ids(await keyring.published())
    assert len(await keyring.secrets()) == 1


async def test_keys_are_published_newest_first_behind_the_two_that_sign_now_and_next(
    keyring: Keyring, clock: ManualClock
) -> None:
    first = await keyring.signing()
    second = await keyring.rotate()
    clock.turn(NOW + HOUR)
    third = await keyring.rotate()
    current, coming, *retired = ids(await keyring.published())
    assert (current, retired) == (third.key_id, [second.key_id, first.key_id])
    assert coming not in {first.key_id, second.key_id, third.key_id}


async def test_a_key_is_published_before_it_signs(keyring: Keyring) -> None:
    """A verifier that keeps its list for hours knows it already when the first token comes."""
    listed = ids(await keyring.published())
    assert (await keyring.rotate()).key_id in listed


async def test_retired_keys_say_until_when_they_are_published(keyring: Keyring, clock: ManualClock) -> None:
    first = await keyring.signing()
    assert await keyring.retired() == ()
    second = await keyring.rotate()
    clock.turn(NOW + HOUR)
    await keyring.rotate()
    found = [(each.key, each.until) for each in await keyring.retired()]
    assert found == [(second, NOW + HOUR + OVERLAP), (first, NOW + OVERLAP)]
    clock.turn(NOW + OVERLAP)
    assert [each.key for each in await keyring.retired()] == [second]


async def test_what_is_long_retired_is_forgotten(keyring: Keyring, directory: Path, clock: ManualClock) -> None:
    await keyring.signing()
    await keyring.rotate()
    clock.turn(NOW + OVERLAP)
    await keyring.rotate()
    stored = ring.from_bytes((directory / "ring.json").read_bytes())
    assert len(stored.retired) == 1
    assert len(stored.old_secrets) == 1


async def test_a_ring_survives_its_file(keyring: Keyring, directory: Path) -> None:
    await keyring.signing()
    await keyring.rotate()
    await keyring.published()
    content = (directory / "ring.json").read_bytes()
    assert ring.to_bytes(ring.from_bytes(content)) == content


async def test_a_clock_that_was_set_back_takes_no_key_away(keyring: Keyring, directory: Path) -> None:
    old = await keyring.signing()
    await keyring.rotate()
    earlier = Keyring(directory, ManualClock(NOW - 1000 * HOUR))
    assert old.key_id in ids(await earlier.published())


async def test_an_answer_from_memory_touches_no_file(
    keyring: Keyring, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keyring.published()
    await keyring.account_key(ACCOUNT)
    await keyring.signing()
    monkeypatch.setattr(private_file, "read", lambda _: pytest.fail("a file was read"))
    monkeypatch.setattr(vault, "_stamp", lambda _: pytest.fail("a file was looked at"))
    monkeypatch.setattr(asyncio, "to_thread", lambda *_: pytest.fail("a thread was used"))
    clock.turn(NOW + SECOND - 1)
    await keyring.signing()
    await keyring.published()
    await keyring.secrets()
    await keyring.account_key(ACCOUNT)


# Accounts' keys


async def test_an_accounts_key_is_its_own(keyring: Keyring) -> None:
    await keyring.signing()
    await keyring.rotate()
    mine, yours = await keyring.account_key(ACCOUNT), await keyring.account_key(OTHER)
    ours = ids(await keyring.published())
    assert mine.key_id != yours.key_id
    assert not {mine.key_id, yours.key_id} & set(ours)
    assert mine.private.private_numbers() != (await keyring.signing()).private.private_numbers()


async def test_an_accounts_key_stays_what_it_is(keyring: Keyring, directory: Path, clock: ManualClock) -> None:
    made = await keyring.account_key(ACCOUNT)
    assert await keyring.account_key(ACCOUNT) is made
    assert await Keyring(directory, clock).account_key(ACCOUNT) == made


async def test_a_look_for_an_accounts_key_makes_none(keyring: Keyring, directory: Path, clock: ManualClock) -> None:
    assert await keyring.find_account_key(ACCOUNT) is None
    assert not files(directory.parent)
    made = await keyring.account_key(ACCOUNT)
    assert await keyring.find_account_key(ACCOUNT) is made
    other = Keyring(directory, clock)
    assert await other.find_account_key(OTHER) is None
    assert await other.find_account_key(ACCOUNT) == made
    assert await other.account_key(ACCOUNT) is await other.find_account_key(ACCOUNT)


@pytest.mark.parametrize("unique_id", ["", "../ring", "1/2", "a", "1" * 33, "١٢٣", "1\n", "1\0", "-1", "."])
async def test_only_digits_name_an_accounts_key(keyring: Keyring, directory: Path, unique_id: str) -> None:
    with pytest.raises(InvalidArgument):
        await keyring.account_key(unique_id)
    with pytest.raises(InvalidArgument):
        await keyring.find_account_key(unique_id)
    assert not files(directory.parent)


async def test_accounts_keys_in_memory_are_bounded(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring_module, "MAX_ACCOUNT_KEYS", 2)
    made = [await keyring.account_key(str(each)) for each in (1, 2, 3)]
    assert await keyring.account_key("3") is made[2]
    assert await keyring.account_key("1") == made[0]
    assert await keyring.account_key("1") is not made[0]


# What goes wrong


@pytest.mark.parametrize("step", ["fsync", "replace"])
async def test_a_failed_write_changes_nothing(
    keyring: Keyring, directory: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    old = await keyring.signing()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, step, fail)
        with pytest.raises(StorageUnavailable, match="No space"):
            await keyring.rotate()
        with pytest.raises(StorageUnavailable):
            await keyring.account_key(ACCOUNT)
    assert await keyring.signing() is old
    assert files(directory) == [".lock", "accounts", "accounts/.lock", "ring.json"]
    assert (await keyring.rotate()).key_id != old.key_id


@pytest.mark.parametrize("step", ["fsync", "replace"])
async def test_a_process_that_dies_in_a_rotation_leaves_the_old_ring(
    keyring: Keyring, directory: Path, clock: ManualClock, step: str
) -> None:
    old, secrets = await keyring.signing(), await keyring.secrets()
    assert dies(directory, "rotate", step)
    survivor = Keyring(directory, clock)
    assert await survivor.signing() == old
    assert await survivor.secrets() == secrets
    assert files(directory) == [".lock", "ring.json"]


async def test_a_process_that_dies_making_the_first_key_leaves_none(directory: Path, keyring: Keyring) -> None:
    assert dies(directory, "tell", "fsync")
    assert (await keyring.signing()).created == NOW
    assert files(directory) == [".lock", "ring.json"]


async def test_a_caller_who_gives_up_takes_nothing_with_him(keyring: Keyring, directory: Path) -> None:
    impatient = asyncio.create_task(keyring.signing())
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    key = await keyring.signing()
    assert ring.from_bytes((directory / "ring.json").read_bytes()).current == key


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b'{"format": 2}', b"null"])
async def test_a_damaged_ring_is_refused_and_left_for_its_owner(
    keyring: Keyring, directory: Path, damage: bytes
) -> None:
    private_file.make_directory(directory)
    (directory / "ring.json").write_bytes(damage)
    for ask in (keyring.signing, keyring.published, keyring.secrets, keyring.rotate):
        with pytest.raises(StorageUnavailable, match="damaged"):
            await ask()
    assert (directory / "ring.json").read_bytes() == damage


async def test_a_damaged_key_is_refused_without_being_shown(
    keyring: Keyring, directory: Path, clock: ManualClock
) -> None:
    await keyring.published()
    await keyring.rotate()
    whole = json.loads((directory / "ring.json").read_bytes())
    for part, harm in [
        ("current", {**whole["current"], "private": whole["current"]["private"][:200]}),
        ("current", {**whole["current"], "created": "now"}),
        ("coming", []),
        ("retired", [{}]),
        ("secret", "%"),
        ("old_secrets", [{"secret": 1, "since": 0}]),
    ]:
        (directory / "ring.json").write_text(json.dumps({**whole, part: harm}))
        with pytest.raises(StorageUnavailable) as refused:
            await Keyring(directory, clock).signing()
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__


async def test_no_value_shows_a_secret(keyring: Keyring, directory: Path) -> None:
    await keyring.published()
    await keyring.rotate()
    key = await keyring.account_key(ACCOUNT)
    stored = ring.from_bytes((directory / "ring.json").read_bytes())
    shown = repr([keyring, key, stored, stored.retired, stored.old_secrets, str(key), f"{stored}"])
    assert key.key_id in shown
    for secret in (stored.secret, *(each.secret for each in stored.old_secrets)):
        assert repr(secret) not in shown
    assert "PRIVATE" not in shown
    assert "PrivateKey" not in shown
