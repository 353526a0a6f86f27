"""Tokens at hand: signed once for many, kept until shortly before their end, never for an account that is gone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kumotasks.auth import bearers
from kumotasks.auth.bearers import AT_ONCE, KEPT, KEPT_LENGTH, MARGIN, Bearers, Refusal, TokenAsk
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.tokens import IdClaims, Tokens
from kumotasks.domain.account import ServiceAccount, derived_unique_id
from kumotasks.domain.clock import HOUR, SECOND, ManualClock
from kumotasks.domain.errors import InvalidArgument, StorageFull, StorageUnavailable
from tests.factory import NOW

EMAIL = "sender@p.iam.gserviceaccount.com"
SENDER = ServiceAccount("p", EMAIL, "1" * 21)
ID = TokenAsk(EMAIL, audience="https://worker.example/run")
ACCESS = TokenAsk(EMAIL, scope="a b")
ENDS = HOUR - MARGIN


class Directory:
    """The accounts that there are; `set` changes one, as its owner would."""

    def __init__(self, *accounts: ServiceAccount) -> None:
        self.epoch = 0
        self.looks = 0
        self._all = {account.email: account for account in accounts}

    async def find(self, ident: str) -> ServiceAccount | None:
        self.looks += 1
        return self._all.get(ident)

    def set(self, email: str, account: ServiceAccount | None) -> None:
        self.epoch += 1
        self._all.pop(email, None)
        if account is not None:
            self._all[email] = account


@dataclass(frozen=True)
class Access:
    text: str
    expires: int


@dataclass
class ScriptedTokens:
    """Signs with a running number; `held` makes it wait, `error` makes it fail."""

    clock: ManualClock
    signed: list[str] = field(default_factory=list)
    held: asyncio.Event | None = None
    error: Exception | None = None
    busy: int = 0
    busiest: int = 0

    async def id_token(self, account: ServiceAccount, audience: str, *, lifetime: int = HOUR) -> str:
        return await self._sign(f"id of {account.unique_id} for {audience}")

    async def access_token(self, account: ServiceAccount, scopes: tuple[str, ...], lifetime: int = HOUR) -> Access:
        return Access(
            await self._sign(f"access of {account.unique_id} to {'+'.join(scopes)}"), self.clock.now() + lifetime
        )

    async def _sign(self, what: str) -> str:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            if self.held is not None:
                await self.held.wait()
            if self.error is not None:
                raise self.error
        finally:
            self.busy -= 1
        self.signed.append(what)
        return f"{len(self.signed)}: {what}"


class House:
    def __init__(self, *accounts: ServiceAccount, strict: bool = True) -> None:
        self.clock = ManualClock(NOW)
        self.accounts = Directory(*accounts)
        self.tokens = ScriptedTokens(self.clock)
        self.bearers = Bearers(self.accounts, self.tokens, self.clock, strict=strict)

    def hold(self) -> asyncio.Event:
        self.tokens.held = asyncio.Event()
        return self.tokens.held

    async def begin(self, ask: TokenAsk = ID, count: int = 1) -> list[asyncio.Task[str | Refusal]]:
        """So many who ask, all of them waiting."""
        asking = [asyncio.ensure_future(self.bearers.mint(ask)) for _ in range(count)]
        for _ in range(5):
            await asyncio.sleep(0)
        return asking


# what is made


@pytest.mark.parametrize(
    ("ask", "token"),
    [
        (ID, f"1: id of {SENDER.unique_id} for https://worker.example/run"),
        (ACCESS, f"1: access of {SENDER.unique_id} to a+b"),
    ],
)
async def test_a_token_is_made_once_and_then_at_hand(ask: TokenAsk, token: str) -> None:
    house = House(SENDER)
    assert house.bearers.ready(ask) is None
    assert await house.bearers.mint(ask) == token
    assert house.bearers.ready(ask) == token
    assert await house.bearers.mint(ask) == token
    assert len(house.tokens.signed) == 1


@pytest.mark.parametrize("ask", [ID, ACCESS])
async def test_a_token_is_used_until_five_minutes_before_its_end(ask: TokenAsk) -> None:
    house = House(SENDER)
    first = await house.bearers.mint(ask)
    house.clock.turn(NOW + ENDS - 1)
    assert house.bearers.ready(ask) == first
    house.clock.turn(NOW + ENDS)
    assert house.bearers.ready(ask) is None
    second = await house.bearers.mint(ask)
    assert second != first
    assert house.bearers.ready(ask) == second


async def test_a_token_from_the_future_of_a_clock_that_was_set_back_is_not_sent() -> None:
    house = House(SENDER)
    await house.bearers.mint(ID)
    house.clock._now -= SECOND
    assert house.bearers.ready(ID) is None
    assert await house.bearers.mint(ID) == f"2: id of {SENDER.unique_id} for {ID.audience}"


@pytest.mark.parametrize(
    "other",
    [
        replace(ID, audience="https://worker.example/run?x"),
        replace(ID, audience="", scope=ID.audience),
        replace(ID, email="other@p.iam.gserviceaccount.com"),
    ],
)
async def test_each_ask_has_a_token_of_its_own(other: TokenAsk) -> None:
    house = House(SENDER, strict=False)
    first = await house.bearers.mint(ID)
    assert house.bearers.ready(other) is None
    assert await house.bearers.mint(other) != first
    assert house.bearers.ready(ID) == first


# one signature for many


async def test_who_asks_while_a_token_is_made_waits_for_that_one() -> None:
    house = House(SENDER)
    free = house.hold()
    asking = await house.begin(count=50)
    free.set()
    assert set(await asyncio.gather(*asking)) == {f"1: id of {SENDER.unique_id} for {ID.audience}"}


async def test_who_gives_up_does_not_take_the_token_from_the_others() -> None:
    house = House(SENDER)
    free = house.hold()
    first, second = await house.begin(count=2)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    free.set()
    assert await second == house.bearers.ready(ID)


async def test_a_failure_that_no_one_waits_for_any_more_is_no_ones() -> None:
    house = House(SENDER)
    free = house.hold()
    house.tokens.error = ZeroDivisionError()
    (only,) = await house.begin()
    only.cancel()
    free.set()
    for _ in range(5):
        await asyncio.sleep(0)
    house.tokens.error = None
    assert await house.bearers.mint(ID) == f"1: id of {SENDER.unique_id} for {ID.audience}"


async def test_only_a_few_signatures_are_under_way_at_once() -> None:
    house = House(SENDER)
    free = house.hold()
    asking = [(await house.begin(replace(ID, audience=str(number))))[0] for number in range(3 * AT_ONCE)]
    free.set()
    await asyncio.gather(*asking)
    assert (house.tokens.busiest, len(house.tokens.signed)) == (AT_ONCE, 3 * AT_ONCE)


async def test_a_token_that_does_not_come_is_waited_for_no_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bearers, "PATIENCE", 0.0)
    house = House(SENDER)
    free = house.hold()
    assert await house.bearers.mint(ID) == Refusal("no token could be made within 0 seconds")
    free.set()
    (made,) = await house.begin()
    assert isinstance(made.result(), str)


# bounds


async def test_the_tokens_used_least_lately_make_room() -> None:
    house = House(SENDER)
    await house.bearers.mint(ID)
    for number in range(KEPT - 1):
        await house.bearers.mint(replace(ID, audience=str(number)))
    assert house.bearers.ready(ID) is not None
    await house.bearers.mint(replace(ID, audience="one more"))
    assert house.bearers.ready(ID) is not None
    assert house.bearers.ready(replace(ID, audience="0")) is None
    assert len(house.bearers._kept) == KEPT


async def test_a_token_of_a_giant_ask_is_made_but_not_kept() -> None:
    house = House(SENDER)
    giant = replace(ID, audience="x" * KEPT_LENGTH)
    assert isinstance(await house.bearers.mint(giant), str)
    assert house.bearers.ready(giant) is None


# accounts that change


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (None, f"the service account {EMAIL} does not exist"),
        (replace(SENDER, disabled=True), f"the service account {EMAIL} is disabled"),
    ],
)
async def test_no_token_goes_out_once_its_account_is_deleted_or_disabled(
    now: ServiceAccount | None, reason: str
) -> None:
    house = House(SENDER)
    await house.bearers.mint(ID)
    house.accounts.set(EMAIL, now)
    assert house.bearers.ready(ID) is None
    assert await house.bearers.mint(ID) == Refusal(reason)
    assert house.bearers.ready(ID) is None
    house.accounts.set(EMAIL, SENDER)
    assert isinstance(await house.bearers.mint(ID), str)


async def test_an_account_made_again_under_its_old_name_gets_a_token_of_its_own() -> None:
    house = House(SENDER)
    await house.bearers.mint(ID)
    house.accounts.set(EMAIL, replace(SENDER, unique_id="2" * 21))
    assert await house.bearers.mint(ID) == f"2: id of {'2' * 21} for {ID.audience}"


async def test_a_change_of_another_account_costs_a_look_and_no_signature() -> None:
    house = House(SENDER)
    first = await house.bearers.mint(ID)
    house.accounts.set("other", replace(SENDER, email="other"))
    assert house.bearers.ready(ID) is None
    assert await house.bearers.mint(ID) == first
    assert house.bearers.ready(ID) == first
    assert (len(house.tokens.signed), house.accounts.looks) == (1, 2)


async def test_who_asks_after_a_deletion_does_not_get_the_token_of_those_before() -> None:
    house = House(SENDER)
    free = house.hold()
    (before,) = await house.begin()
    house.accounts.set(EMAIL, None)
    (after,) = await house.begin()
    free.set()
    assert isinstance(await before, str)
    assert isinstance(await after, Refusal)
    assert house.bearers.ready(ID) is None


# any e-mail


async def test_without_strictness_any_e_mail_has_a_token() -> None:
    house = House(strict=False)
    assert await house.bearers.mint(ID) == f"1: id of {derived_unique_id(EMAIL)} for {ID.audience}"


async def test_without_strictness_an_account_that_exists_is_still_itself() -> None:
    house = House(replace(SENDER, disabled=True), strict=False)
    assert await house.bearers.mint(ID) == f"1: id of {SENDER.unique_id} for {ID.audience}"


# what goes wrong


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied", "/secret/path"), "no token could be made: permission denied"),
        (TimeoutError(), "no token could be made: timeouterror"),
        (InvalidArgument("The scopes are too long."), "no token could be made: The scopes are too long."),
        (StorageFull(), f"no token could be made: {StorageFull().message}"),
        (StorageUnavailable(), f"no token could be made: {StorageUnavailable().message}"),
    ],
)
async def test_a_key_that_cannot_be_had_is_a_refusal(error: Exception, reason: str) -> None:
    house = House(SENDER)
    house.tokens.error = error
    assert await house.bearers.mint(ID) == Refusal(reason)
    house.tokens.error = None
    assert isinstance(await house.bearers.mint(ID), str)


async def test_the_real_parts_fit(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    keyring = Keyring(tmp_path / "keys", clock)
    tokens = Tokens(keyring, clock, "https://accounts.google.com")
    await keyring.start()
    house = Bearers(Directory(SENDER), tokens, clock, strict=True)
    text, access = await house.mint(ID), await house.mint(ACCESS)
    await keyring.stop()
    assert isinstance(text, str)
    assert isinstance(access, str)
    assert await tokens.read_id_token(text) == IdClaims(
        EMAIL, SENDER.unique_id, ID.audience, NOW, NOW + HOUR, email_verified=True
    )
    claims = await tokens.read_access_token(access)
    assert claims is not None
    assert (claims.email, claims.scopes) == (EMAIL, ("a", "b"))
    giant = await house.mint(TokenAsk(EMAIL, scope="x" * 100_000))
    assert giant == Refusal("no token could be made: The scopes are too long.")


@pytest.mark.parametrize("email", ["x" * 100_000, "a\nb\0" * 50])
async def test_a_refusal_repeats_no_endless_e_mail(email: str) -> None:
    refusal = await House().bearers.mint(TokenAsk(email))
    assert isinstance(refusal, Refusal)
    assert len(refusal.reason) < 1_000
    assert refusal.reason.isprintable()


async def test_what_is_kept_does_not_show_its_token() -> None:
    house = House(SENDER)
    token = await house.bearers.mint(ID)
    assert isinstance(token, str)
    assert token not in repr(house.bearers._kept)
    making = house.bearers._under_way(ID)
    await making
    assert token not in repr(making)
