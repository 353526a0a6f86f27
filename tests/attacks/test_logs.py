"""The logs of one project and the people of another: nothing is read, written, named, deleted or overheard."""

from __future__ import annotations

import grpc
import pytest

from kumotasks.api.logging import messages as m
from tests.attacks.realm import ALPHA, BETA, DENIED, PATIENCE, REFUSED, Person, Realm
from tests.calls import Json

A, B = f"projects/{ALPHA}", f"projects/{BETA}"
VIEW = f"{B}/locations/global/buckets/_Default/views/_AllLogs"
OVER_REST: dict[str, tuple[str, str, Json | None]] = {
    "list": ("POST", "/v2/entries:list", {"resourceNames": [B]}),
    "list one's own and another's": ("POST", "/v2/entries:list", {"resourceNames": [A, B]}),
    "list a view": ("POST", "/v2/entries:list", {"resourceNames": [VIEW]}),
    "list what nobody has": ("POST", "/v2/entries:list", {"resourceNames": ["organizations/1"]}),
    "names": ("GET", f"/v2/{B}/logs", None),
    "names by another way": ("GET", f"/v2/{A}/logs?resourceNames={VIEW}", None),
    "delete": ("DELETE", f"/v2/{B}/logs/secret", None),
    "write": (
        "POST",
        "/v2/entries:write",
        {"resource": {"type": "global"}, "entries": [{"logName": f"{B}/logs/l", "textPayload": "x"}]},
    ),
    "write by default": (
        "POST",
        "/v2/entries:write",
        {"logName": f"/{B}/logs/l", "resource": {"type": "global"}, "entries": [{"textPayload": "x"}]},
    ),
    "write among one's own": (
        "POST",
        "/v2/entries:write",
        {
            "logName": f"{A}/logs/mixed",
            "resource": {"type": "global"},
            "entries": [{"textPayload": "own"}, {"logName": f"{B}/logs/mixed", "textPayload": "x"}],
        },
    ),
}


def written(realm: Realm, person: Person, log: str, *texts: str) -> None:
    entries = [{"textPayload": text} for text in texts]
    body = {"logName": f"projects/{person.project}/logs/{log}", "resource": {"type": "global"}, "entries": entries}
    realm.must("POST", "/v2/entries:write", body, person.token())


def texts(realm: Realm, project: str, log: str) -> list[str]:
    asked = {"resourceNames": [f"projects/{project}"], "filter": f'log_id("{log}")'}
    return [entry["textPayload"] for entry in realm.must("POST", "/v2/entries:list", asked).get("entries", [])]


@pytest.mark.parametrize("call", OVER_REST)
def test_a_stranger_is_denied_and_nobody_is_asked_who_he_is(realm: Realm, ann: Person, ben: Person, call: str) -> None:
    written(realm, ben, "secret", "for beta alone")
    verb, target, body = OVER_REST[call]
    denied = realm.ask(verb, target, body, ann.token(aud="https://logging.googleapis.com/"))
    assert (denied.status, "for beta alone" in denied.message) == (DENIED, False)
    assert realm.ask(verb, target, body).status == REFUSED
    assert "for beta alone" in texts(realm, BETA, "secret")
    assert texts(realm, ALPHA, "mixed") == texts(realm, BETA, "mixed") == []


def test_the_owner_of_a_project_does_all_of_it(realm: Realm, ann: Person) -> None:
    token = ann.token(aud="https://logging.googleapis.com/google.logging.v2.LoggingServiceV2")
    written(realm, ann, "own", "a")
    listed = realm.must("POST", "/v2/entries:list", {"resourceNames": [A], "filter": 'log_id("own")'}, token)
    assert [entry["textPayload"] for entry in listed["entries"]] == ["a"]
    assert f"{A}/logs/own" in realm.must("GET", f"/v2/{A}/logs", None, token)["logNames"]
    realm.must("DELETE", f"/v2/{A}/logs/own", None, token)


def test_a_partial_success_is_one_for_ones_own_entries_alone(realm: Realm, ann: Person) -> None:
    entries = [{"textPayload": "own"}, {"logName": f"{B}/logs/part", "textPayload": "foreign"}]
    body = {
        "logName": f"{A}/logs/part",
        "resource": {"type": "global"},
        "entries": entries,
        "partialSuccess": True,
    }
    reply = realm.ask("POST", "/v2/entries:write", body, ann.token())
    assert reply.status == DENIED
    assert list(reply.details[0]["logEntryErrors"]) == ["1"]  # type: ignore[index]
    assert (texts(realm, ALPHA, "part"), texts(realm, BETA, "part")) == (["own"], [])
    assert realm.ask("POST", "/v2/entries:write", body).status == REFUSED


@pytest.mark.parametrize(("credential", "code"), [(True, DENIED), (False, REFUSED)])
def test_nobody_listens_in_on_another_project(realm: Realm, ann: Person, credential: bool, code: str) -> None:
    with grpc.insecure_channel(realm.kumo.address) as channel:
        call = channel.stream_stream(
            "/google.logging.v2.LoggingServiceV2/TailLogEntries",
            request_serializer=m.TailLogEntriesRequest.SerializeToString,
            response_deserializer=m.TailLogEntriesResponse.FromString,
        )
        metadata = [("authorization", f"Bearer {ann.token()}")] if credential else []
        heard = call(iter([m.TailLogEntriesRequest(resource_names=[A, B])]), metadata=metadata, timeout=PATIENCE)
        with pytest.raises(grpc.RpcError) as refused:
            next(heard)
        assert refused.value.code().name == code  # type: ignore[attr-defined]
