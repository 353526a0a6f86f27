"""The query of a REST call: Google's system parameters apart, the call's own fields for the call.

A few system parameters change the answer's form; the rest (keys, tokens, quota users) are taken and mean nothing here.
It knows no message and no call.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from kumotasks.domain.errors import InvalidArgument

MAX_PARAMETERS = 1_000
FORMS = {"json", "media", "proto"}
FALSE = {"false", "0", "no"}
IGNORED = frozenset({
    "access_token", "bearer_token", "callback", "key", "oauth_token", "pp", "quotaUser", "trace", "uploadType",
    "upload_protocol", "userIp", "xgafv", "userProject", "httpHeaders", "outputDefaults", "unique", "req", "ct",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a query says."""

    form: str = "json"  # of the answer: "json" or "proto"; "media" means json, for none of our answers is a file
    enum_ints: bool = False
    pretty: bool = True
    fields: str = ""  # partial response; "" = all
    pairs: tuple[tuple[str, str], ...] = ()  # all others, in order


DEFAULTS = Parameters()
# The queries that gcloud and Google's REST clients send with every call.
USUAL = {
    b"": DEFAULTS,
    b"alt=json": DEFAULTS,
    b"prettyPrint=false": Parameters(pretty=False),
    b"%24alt=json%3Benum-encoding%3Dint": Parameters(enum_ints=True),
    b"$alt=json%3Benum-encoding=int": Parameters(enum_ints=True),
    b"$alt=json;enum-encoding=int": Parameters(enum_ints=True),
}


def read_parameters(query: bytes) -> Parameters:
    """Take a query apart. Raises InvalidArgument."""
    usual = USUAL.get(query)
    if usual is not None:
        return usual
    try:
        found = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise InvalidArgument(f"The query has more than {MAX_PARAMETERS} parameters.") from None
    system: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for name, value in found:
        bare = name.removeprefix("$").removeprefix(".")
        if bare in {"alt", "fields", "prettyPrint"}:
            system[bare] = value
        elif bare not in IGNORED:
            pairs.append((name, value))
    form, enum_ints = read_alt(system.get("alt", "json"))
    pretty = system.get("prettyPrint", "true").lower() not in FALSE
    return Parameters(form, enum_ints, pretty, system.get("fields", ""), tuple(pairs))


def read_alt(value: str) -> tuple[str, bool]:
    """The form, and whether enums are to be numbers: "json;enum-encoding=int"."""
    form, *options = value.lower().split(";")
    if form not in FORMS:
        raise InvalidArgument(f'Invalid value "{value[:100]}" for the query parameter "alt".')
    return form, "enum-encoding=int" in options
