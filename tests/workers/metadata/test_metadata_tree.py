"""Questions to a metadata server and what they come to, without a socket."""

from __future__ import annotations

import json

import pytest

from kumotasks.workers.metadata.metadata_tree import SCOPES, AccessAsk, IdAsk, Identity, Page, answer, tree

EMAIL = "runner@shop.iam.gserviceaccount.com"
TREE = tree(Identity("shop", "123456789012", "asia-northeast1", EMAIL, "00bf4bf02d"))
V1 = "/computeMetadata/v1"
ACCOUNT = {"aliases": ["default"], "email": EMAIL, "scopes": list(SCOPES)}


def page(path: str, **query: str) -> Page:
    found = answer(TREE, path, query)
    assert isinstance(found, Page)
    return found


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", "computeMetadata/\n"),
        (f"{V1}/", "instance/\nproject/\nuniverse/\n"),
        (f"{V1}/instance/", "id\nregion\nservice-accounts/\nzone\n"),
        (f"{V1}/project/project-id", "shop"),
        (f"{V1}/project/numeric-project-id", "123456789012"),
        (f"{V1}/instance/id", "00bf4bf02d"),
        (f"{V1}/instance/region", "projects/123456789012/regions/asia-northeast1"),
        (f"{V1}/instance/zone", "projects/123456789012/zones/asia-northeast1-1"),
        (f"{V1}/instance/service-accounts/", f"default/\n{EMAIL}/\n"),
        (f"{V1}/instance/service-accounts/default/", "aliases\nemail\nidentity\nscopes\ntoken\n"),
        (f"{V1}/instance/service-accounts/default/email", EMAIL),
        (f"{V1}/instance/service-accounts/{EMAIL}/email", EMAIL),
        (f"{V1}/instance/service-accounts/default/aliases", "default\n"),
        (f"{V1}/instance/service-accounts/default/scopes", "".join(f"{scope}\n" for scope in SCOPES)),
        (f"{V1}/universe/universe-domain", "googleapis.com"),
    ],
)
def test_each_path_has_its_text(path: str, body: str) -> None:
    assert page(path) == Page(200, body)


def test_a_directory_is_told_whole() -> None:
    told = page(f"{V1}/instance/service-accounts/default/", recursive="true")
    assert (told.status, told.content_type) == (200, "application/json")
    assert json.loads(told.body) == ACCOUNT
    everything = json.loads(page(f"{V1}/", recursive="true").body)
    assert everything["project"] == {"numericProjectId": 123456789012, "projectId": "shop"}
    assert everything["instance"]["serviceAccounts"] == {"default": ACCOUNT, EMAIL: ACCOUNT}
    assert everything["universe"] == {"universeDomain": "googleapis.com"}


def test_a_directory_is_told_whole_as_text() -> None:
    assert page(f"{V1}/project/", recursive="true", alt="text").body == (
        "numeric-project-id 123456789012\nproject-id shop\n"
    )


def test_a_value_is_told_as_json() -> None:
    assert page(f"{V1}/project/project-id", alt="json") == Page(200, '"shop"', "application/json")
    assert page(f"{V1}/project/numeric-project-id", alt="json").body == "123456789012"
    assert page(f"{V1}/instance/service-accounts/default/aliases", alt="json").body == '["default"]'


def test_a_directory_without_its_slash_is_elsewhere() -> None:
    assert page(f"{V1}/instance") == Page(301, location=f"{V1}/instance/")


@pytest.mark.parametrize(
    "path",
    [f"{V1}/nothing", f"{V1}/project/project-id/more", "/v1/", f"{V1}/instance/service-accounts/other@x.example/token"],
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert page(path).status == 404


def test_tokens_are_somebody_elses_to_make() -> None:
    token = f"{V1}/instance/service-accounts/default/token"
    assert answer(TREE, token, {}) == AccessAsk(SCOPES)
    assert answer(TREE, token, {"scopes": "a,b"}) == AccessAsk(("a", "b"))
    assert answer(TREE, token.replace("default", EMAIL), {"scopes": "a"}) == AccessAsk(("a",))
    identity = f"{V1}/instance/service-accounts/default/identity"
    assert answer(TREE, identity, {"audience": "https://a.example", "format": "full"}) == IdAsk("https://a.example")
    assert page(identity) == Page(400, "non-empty audience parameter required\n")
