"""Where a service is reached: its two URLs as Google forms them, and every host that means it. Pure."""

from __future__ import annotations

import hashlib
import string

from kumotasks.domain.run.service import ServiceName

# Cloud Run's and App Engine's short names of regions.
REGION_CODES = {
    "africa-south1": "bq",
    "asia-east1": "de",
    "asia-east2": "df",
    "asia-northeast1": "an",
    "asia-northeast2": "dt",
    "asia-northeast3": "du",
    "asia-south1": "el",
    "asia-south2": "em",
    "asia-southeast1": "as",
    "asia-southeast2": "et",
    "australia-southeast1": "ts",
    "australia-southeast2": "km",
    "europe-central2": "lm",
    "europe-north1": "lz",
    "europe-southwest1": "no",
    "europe-west1": "ew",
    "europe-west12": "og",
    "europe-west2": "nw",
    "europe-west3": "ey",
    "europe-west4": "ez",
    "europe-west6": "oa",
    "europe-west8": "oc",
    "europe-west9": "od",
    "me-central1": "ww",
    "me-central2": "wx",
    "me-west1": "zf",
    "northamerica-northeast1": "nn",
    "northamerica-northeast2": "pd",
    "southamerica-east1": "rj",
    "southamerica-west1": "tl",
    "us-central1": "uc",
    "us-east1": "ue",
    "us-east4": "uk",
    "us-east5": "ul",
    "us-south1": "vp",
    "us-west1": "uw",
    "us-west2": "wl",
    "us-west3": "wm",
    "us-west4": "wn",
}
TAG_SEPARATOR = "---"
_LETTERS = string.ascii_lowercase
_HASH_LENGTH = 10


def urls(name: ServiceName, number: str, tag: str = "") -> tuple[str, str]:
    """The deterministic URL, then the hashed one; `number` is the project's. With a tag, those of its revision."""
    plain, hashed, _ = hosts(name, number, tag)
    return f"https://{plain}", f"https://{hashed}"


def hosts(name: ServiceName, number: str, tag: str = "") -> tuple[str, str, str]:
    """The hosts of the two URLs, and the one that browsers lead to this machine by themselves."""
    service = f"{tag}{TAG_SEPARATOR}{name.service}" if tag else name.service
    digits = _letters(f"{number}/{name.location}", _HASH_LENGTH)  # the same for all services of project and region
    code = REGION_CODES.get(name.location) or f"x{_letters(name.location, 2)}"
    return (
        f"{service}-{number}.{name.location}.run.app",
        f"{service}-{digits}-{code}.a.run.app",
        f"{service}-{number}.{name.location}.run.localhost",
    )


def _letters(text: str, count: int) -> str:
    """`count` lower-case letters that follow from `text`."""
    rest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    found = ""
    for _ in range(count):
        rest, index = divmod(rest, len(_LETTERS))
        found += _LETTERS[index]
    return found
