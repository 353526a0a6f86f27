"""Kumo's own commands, which gcloud has no counterpart of: the server, its environment, its demonstration, its keys.

Each imports what it runs when it runs: `kumo serve` loads a server, `kumo keys rotate` must not.
"""

from __future__ import annotations

from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.line import Line

# flag: (how its value is shown, what it does)
_SERVE = {
    "host": ("HOST", "the address to listen on (127.0.0.1)"),
    "port": ("PORT", "plaintext gRPC and REST on one port (8123); 0 picks a free one"),
    "store": ("WHERE", "a directory, or sqlite:///path (./kumo-data)"),
    "data": ("DIR", "keys and run-time files (the store's directory)"),
    "auth": ("off|iam", "whether callers are asked who they are (off)"),
    "tls": ("off|auto|CERT:KEY", "a second listener over TLS (off)"),
    "tls-port": ("PORT", "of the TLS listener (8443)"),
    "tls-client-ca": ("FILE", "let in only clients that have a certificate of this CA, over TLS"),
    "proxy-port": ("PORT", "of the CONNECT proxy (8124)"),
    "proxy-others": ("tunnel|refuse", "what the proxy does with other hosts (tunnel)"),
    "issuer": ("URL", "who signs identity tokens (https://accounts.google.com)"),
    "owner-key": ("PATH", "where the owner's key is written (owner.json in the data directory)"),
    "project": ("PROJECT", "the default project (kumo-local)"),
    "location": ("LOCATION", "the default location (us-central1)"),
    "queue-yaml": ("FILE", "App Engine's queue.yaml: its queues are created, or brought in line"),
    "clock": ("system|manual", "manual stands still until POST /kumo/v1/clock:advance moves it (system)"),
    "drain": ("DURATION", "how long open attempts may take to end at a stop (10s)"),
    "processes": ("N", "so many nodes on this machine behind one port; needs a PostgreSQL store (1)"),
    "lease": ("DURATION", "how long the queues of a node that died wait for another one, with PostgreSQL (10s)"),
    "log": ("LEVEL", "debug, info, warning or error (info)"),
}
_SWITCHES = {
    "auth-off-anywhere": "allow --auth off on an address that other machines reach",
    "strict-resources": "Google's errors for unknown projects and locations",
}
_JSON = Flag("json", "as JSON", None)


def _serve(line: Line) -> object:
    from kumotasks.cli.serve import serve

    names = (*_SERVE, *_SWITCHES, "queue")
    flags = {name.replace("-", "_"): line[name] for name in names if line.is_given(name)}
    line.code = serve(flags, line.text("config"))
    return None


def _demo(line: Line) -> object:
    from kumotasks.cli.demo import run

    line.code = run()
    return None


def _env(line: Line) -> object:
    from kumotasks.cli.env import env

    line.code = env(line.client, "json" if line.on("json") else "shell" if line.on("shell") else "")
    return None


def _explain(line: Line) -> object:
    from kumotasks.cli.explain import explain

    return explain(line)


def _rotate(line: Line) -> object:
    from kumotasks.cli.keys import rotate

    return rotate(line)


GROUPS = {"iam": "who may do what, and why", "keys": "the keys that sign tokens"}
COMMANDS = (
    Command(
        "serve",
        "run the server",
        "kumo serve --port 8123 --store ./kumo-data --queue default",
        _serve,
        flags=(
            *(Flag(name, text, metavar=shown) for name, (shown, text) in _SERVE.items()),
            *(Flag(name, text, None) for name, text in _SWITCHES.items()),
            Flag("queue", "a queue to create if it is not there", metavar="NAME", repeated=True),
            Flag("config", "a kumo.toml", metavar="FILE"),
        ),
        wide=False,
    ),
    Command("demo", "the main job, on real input, start to end, explained as it goes", "kumo demo", _demo, wide=False),
    Command(
        "env",
        "the environment that sends unmodified programs here",
        'eval "$(kumo env --shell)"',
        _env,
        flags=(
            Flag("shell", "as export lines, for eval", None),
            Flag("json", "as one flat JSON object of strings", None),
        ),
        exclusive=((("shell",), ("json",)),),
    ),
    Command(
        "iam explain",
        "which binding grants a permission, or what is missing",
        "kumo iam explain sender@shop.iam.gserviceaccount.com cloudtasks.tasks.create \\\n"
        "    projects/shop/locations/us-central1/queues/mail",
        _explain,
        (
            Positional("MEMBER", "an e-mail, or as policies write it: serviceAccount:a@b, user:a@b, allUsers"),
            Positional("PERMISSION", "such as cloudtasks.tasks.create"),
            Positional("RESOURCE", "its full name, such as projects/P/locations/L/queues/Q"),
        ),
        (_JSON,),
    ),
    Command(
        "keys rotate",
        "sign tokens with a new key from now on; what the old one signed stays valid. Verifiers keep the list of keys "
        "for an hour, so let an hour pass between two rotations",
        "kumo keys rotate --endpoint http://127.0.0.1:8123",
        _rotate,
        flags=(_JSON,),
    ),
)
