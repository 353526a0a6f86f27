"""The commands of `kumo iam` that gcloud has too."""

from __future__ import annotations

from kumotasks.cli.iam import accounts, keys, roles

GROUPS = {
    "iam service-accounts": "accounts for programs: who they are, and who may act as them",
    "iam service-accounts keys": "what service accounts prove themselves with",
    "iam roles": "what roles permit",
}
COMMANDS = (*accounts.COMMANDS, *keys.COMMANDS, *roles.COMMANDS)
