"""REST calls without protobuf classes: both spellings of names, path over query over body, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.api.call import Caller, JsonRoute
from kumotasks.api.flaws import TOLD
from kumotasks.api.jsonstruct import StructBinding, StructCodec
from kumotasks.domain.errors import InvalidArgument


class Account(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    display_name: str = ""
    disabled: bool = False


class Asked(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    account: str
    page_size: int = 0
    ratio: float = 0.0
    update_mask: str = ""
    key_types: list[str] = []
    delegates: tuple[str, ...] = ()
    service_account: Account = msgspec.field(default_factory=Account)


class Whatever(msgspec.Struct, rename="camel"):
    account: str


class Shown(msgspec.Struct, rename="camel", omit_defaults=True):
    unique_id: str = ""
    service_account: Account | None = None


async def unused(request: Any, caller: Caller) -> Any:
    raise AssertionError


BINDING = StructBinding(JsonRoute("s", "M", "POST", "/v1/{account}", Asked, "", "", unused))
PATH = (("account", "a"),)
PAYLOAD = "Invalid JSON payload received."


def bound(body: object = None, *, path: tuple[tuple[str, str], ...] = PATH, **query: str) -> Any:
    """A request from its JSON body and its query."""
    written = b"" if body is None else json.dumps(body).encode()
    return BINDING.of_json(path, tuple(query.items()), body=written)


def refusal(body: object = None, pairs: tuple[tuple[str, str], ...] = ()) -> InvalidArgument:
    with pytest.raises(InvalidArgument) as refused:
        BINDING.of_json(PATH, pairs, body=b"" if body is None else json.dumps(body).encode())
    return refused.value


# names and values


@pytest.mark.parametrize("body", [None, {}])
def test_what_is_not_said_has_its_default(body: object) -> None:
    assert bound(body) == Asked("a")


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_no_body_is_an_empty_object(body: bytes) -> None:
    assert BINDING.of_json(PATH, (), body=body) == Asked("a")


@pytest.mark.parametrize(
    "body",
    [
        {"pageSize": 5, "serviceAccount": {"displayName": "d"}},
        {"page_size": 5, "service_account": {"display_name": "d"}},
        {"pageSize": 5, "service_account": {"displayName": "d"}},
    ],
)
def test_names_come_in_camel_and_in_snake_case_at_every_level(body: object) -> None:
    assert bound(body) == Asked("a", page_size=5, service_account=Account("d"))


def test_null_is_as_good_as_absent_at_every_level() -> None:
    nothing = {"pageSize": None, "keyTypes": None, "serviceAccount": {"displayName": None}, "nobody": None}
    assert bound(nothing) == Asked("a")
    assert bound({"serviceAccount": None}) == Asked("a")


@pytest.mark.parametrize("value", [5, 5.0, "5"])
def test_a_number_may_be_written_as_text(value: object) -> None:
    assert bound({"pageSize": value}).page_size == 5


@pytest.mark.parametrize("value", [True, "true"])
def test_a_truth_may_be_written_as_text(value: object) -> None:
    assert bound({"serviceAccount": {"disabled": value}}).service_account.disabled is True


# path, query, body


def test_the_path_wins_over_the_query_over_the_body() -> None:
    request = bound({"account": "body", "updateMask": "body", "pageSize": 1}, account="query", updateMask="query")
    assert (request.account, request.update_mask, request.page_size) == ("a", "query", 1)


def test_the_path_wins_over_whatever_the_body_has_in_its_place() -> None:
    assert bound({"account": {"account": "b"}}).account == "a"
    assert bound({"account": None}, account="b").account == "a"


def test_variables_of_the_path_may_have_names_in_snake_case() -> None:
    assert bound(path=(("account", "a"), ("update_mask", "m"))).update_mask == "m"


def test_query_parameters_come_in_both_spellings_and_reach_into_messages() -> None:
    assert bound(page_size="7").page_size == bound(pageSize="7").page_size == 7
    pairs = (("service_account.displayName", "d"), ("serviceAccount.disabled", "true"))
    assert BINDING.of_json(PATH, pairs, body=b"").service_account == Account("d", disabled=True)  # type: ignore[attr-defined]


def test_a_query_parameter_joins_the_message_of_the_body() -> None:
    pairs = (("serviceAccount.disabled", "true"),)
    request: Any = BINDING.of_json(PATH, pairs, body=b'{"serviceAccount": {"displayName": "d"}}')
    assert request.service_account == Account("d", disabled=True)


def test_repeated_parameters_are_a_list_in_their_order_behind_the_bodys() -> None:
    pairs = (("key_types", "b"), ("keyTypes", "c"), ("delegates", "d"))
    request: Any = BINDING.of_json(PATH, pairs, body=b'{"keyTypes": ["a"]}')
    assert (request.key_types, request.delegates) == (["a", "b", "c"], ("d",))


# refusals


def test_an_unknown_field_is_told_in_googles_words() -> None:
    sentence = f'{PAYLOAD} Unknown name "colour": Cannot find field.'
    told = refusal({"colour": 1})
    assert told.message == sentence
    assert [(each.field, each.description) for each in told.violations] == [("", sentence)]


def test_an_unknown_field_further_down_is_told_with_its_place() -> None:
    sentence = f"{PAYLOAD} Unknown name \"colour\" at 'service_account': Cannot find field."
    told = refusal({"serviceAccount": {"colour": 1}})
    assert told.message == sentence
    assert [(each.field, each.description) for each in told.violations] == [("service_account", sentence)]


@pytest.mark.parametrize("name", ["colour", "", "..", "colour.a", "keyTypes.a", "account_"])
def test_an_unknown_parameter_is_told_in_googles_words(name: str) -> None:
    assert refusal({"keyTypes": ["a"]}, ((name, "1"),)).message == (
        f'{PAYLOAD} Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )


def test_a_request_that_takes_whatever_comes_refuses_no_name() -> None:
    binding = StructBinding(JsonRoute("s", "M", "POST", "/v1/{account}", Whatever, "", "", unused))
    assert binding.of_json(PATH, (("pageSize", "1"), ("a.b", "2")), body=b'{"colour": 1}') == Whatever("a")


def test_a_parameter_that_is_no_list_comes_once() -> None:
    told = refusal(None, (("pageSize", "1"), ("page_size", "2"), ("colour", "3")))
    unbound = "Cannot bind query parameter. Field 'colour' could not be found in request message."
    assert [each.description for each in told.violations] == [
        f'{PAYLOAD} Unknown name "page_size": Proto field is not repeating, cannot start list.',
        f'{PAYLOAD} Unknown name "colour": {unbound}',
    ]
    assert told.message == "\n".join(each.description for each in told.violations)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"pageSize": "many"}, "page_size"),
        ({"pageSize": True}, "page_size"),
        ({"pageSize": 1.5}, "page_size"),
        ({"pageSize": "9" * 5_000}, "page_size"),
        ({"keyTypes": "a"}, "key_types"),
        ({"keyTypes": [1]}, "key_types[0]"),
        ({"keyTypes": [None]}, "key_types[0]"),
        ({"serviceAccount": "a"}, "service_account"),
        ({"serviceAccount": {"displayName": []}}, "service_account.display_name"),
    ],
)
def test_a_value_of_another_kind_is_told_with_its_place(body: object, place: str) -> None:
    told = refusal(body)
    assert told.message.startswith(f"Invalid value at '{place}', ")
    assert [each.field for each in told.violations] == [place]


def test_a_parameter_in_the_place_of_a_message_is_refused() -> None:
    assert refusal(None, (("serviceAccount", "d"),)).violations[0].field == "service_account"
    assert refusal({"serviceAccount": 3}, (("serviceAccount.disabled", "true"),)).violations[0].field == (
        "service_account"
    )


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"a"', b"{", b"{]", b"\xff", b'{"a":', b"[" * 200_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidArgument) as refused:
        BINDING.of_json(PATH, (), body=body)
    assert refused.value.message.startswith(PAYLOAD)


def test_a_long_unknown_name_is_not_repeated_in_full() -> None:
    assert len(refusal({"x" * 100_000: 1}).message) < 1_000
    pairs = tuple((f"{number}{'x' * 5_000}", "") for number in range(1_000))
    assert len(refusal(None, pairs).violations) == TOLD
    assert len(refusal(None, pairs).message) < 1_000 * TOLD


NAMES = st.sampled_from(["account", "pageSize", "page_size", "ratio", "keyTypes", "serviceAccount", "displayName"])
KEYS = NAMES | st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
PATHS = st.lists(KEYS, min_size=1, max_size=4).map(".".join)
PAIRS = st.lists(st.tuples(PATHS, st.text(max_size=12)), max_size=5)


@given(body=st.dictionaries(KEYS, JSON, max_size=5), pairs=PAIRS)
def test_whatever_json_and_query_come_the_answer_is_a_request_or_a_refusal(body: object, pairs: Any) -> None:
    try:
        request: Any = BINDING.of_json(PATH, tuple(pairs), body=json.dumps(body).encode("utf-8", "surrogatepass"))
    except InvalidArgument:
        return
    assert isinstance(request, Asked)
    assert request.account == "a"
    assert msgspec.json.decode(msgspec.json.encode(request), type=Asked).page_size == request.page_size


@given(body=st.binary(max_size=60), pairs=PAIRS)
def test_whatever_bytes_come_the_answer_is_a_request_or_a_refusal(body: bytes, pairs: Any) -> None:
    try:
        request = BINDING.of_json(PATH, tuple(pairs), body=body)
    except InvalidArgument:
        return
    assert isinstance(request, Asked)


# answers


def test_an_answer_is_camel_case_without_what_is_unset() -> None:
    codec = StructCodec()
    assert codec.encode(Shown(), enum_ints=False) == {}
    shown = Shown("1", Account("d"))
    assert codec.encode(shown, enum_ints=True) == {
        "uniqueId": "1",
        "serviceAccount": {"displayName": "d", "disabled": False},
    }
