"""URLs and hosts of services."""

from __future__ import annotations

import re
from dataclasses import replace

from kumotasks.domain.run.address import REGION_CODES, hosts, urls
from tests.domain.run.factory import WORKER

NUMBER = "123456789012"


def test_a_service_has_the_two_urls_that_google_gives_one() -> None:
    plain, hashed = urls(WORKER, NUMBER)
    assert plain == "https://worker-123456789012.asia-northeast1.run.app"
    assert re.fullmatch(r"https://worker-[a-z]{10}-an\.a\.run\.app", hashed)


def test_a_browser_reaches_it_by_a_name_that_is_always_this_machine() -> None:
    assert hosts(WORKER, NUMBER)[2] == "worker-123456789012.asia-northeast1.run.localhost"


def test_a_tag_stands_in_front_of_every_host() -> None:
    assert hosts(WORKER, NUMBER, "green") == tuple(f"green---{host}" for host in hosts(WORKER, NUMBER))
    assert urls(WORKER, NUMBER, "green")[0] == "https://green---worker-123456789012.asia-northeast1.run.app"


def test_the_letters_belong_to_the_project_and_the_region_not_to_the_service() -> None:
    def letters(url: str) -> str:
        return url.split("-")[-2]

    own = urls(WORKER, NUMBER)[1]
    assert letters(urls(replace(WORKER, service="other"), NUMBER)[1]) == letters(own)
    assert letters(urls(WORKER, "999999999999")[1]) != letters(own)
    assert letters(urls(replace(WORKER, location="us-central1"), NUMBER)[1]) != letters(own)


def test_regions_have_codes_of_their_own_and_unknown_ones_get_one() -> None:
    assert len(set(REGION_CODES.values())) == len(REGION_CODES)
    assert urls(replace(WORKER, location="us-central1"), NUMBER)[1].endswith("-uc.a.run.app")
    codes = {urls(replace(WORKER, location=place), NUMBER)[1].split("-")[-1] for place in ("moon1", "mars1")}
    assert len(codes) == 2
    assert all(re.fullmatch(r"x[a-z]{2}\.a\.run\.app", code) for code in codes)


def test_the_longest_name_is_still_a_label_of_dns() -> None:
    longest = replace(WORKER, service="a" * 49)
    assert all(len(label) <= 63 for host in hosts(longest, NUMBER) for label in host.split("."))
