"""Settings: three sources and who wins, how values are written, and a sentence for everything that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from kumotasks.configuration.startup import gathered
from kumotasks.server.judges import JUDGES
from kumotasks.settings import Settings, SettingsError, duration, is_loopback, size

SECOND = 1_000_000


def given(
    tmp_path: Path,
    *,
    file: str | None = None,
    environment: Mapping[str, str] | None = None,
    **flags: object,
) -> Settings:
    config = None
    if file is not None:
        config = tmp_path / "kumo.toml"
        config.write_text(file)
    return gathered(flags, environment or {}, config, JUDGES).settings


def refusal(tmp_path: Path, **sources: object) -> str:
    with pytest.raises(SettingsError) as refused:
        given(tmp_path, **sources)  # type: ignore[arg-type]
    sentence = str(refused.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence.replace(str(tmp_path), "DIR")


# who wins


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    assert given(tmp_path) == Settings()
    assert (Settings().host, Settings().port, Settings().store) == ("127.0.0.1", 8123, "./kumo-data")


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = 'project = "file"\nlocation = "file"\nstore = "file"\nport = 1\n'
    environment = {"KUMO_PROJECT": "environment", "KUMO_LOCATION": "environment", "KUMO_PORT": "2"}
    settings = given(tmp_path, file=file, environment=environment, project="flag", port="3")
    assert (settings.project, settings.location, settings.store) == ("flag", "environment", "file")
    assert settings.port == 3


def test_variables_that_are_no_settings_are_somebody_elses(tmp_path: Path) -> None:
    assert given(tmp_path, environment={"KUMO_ENDPOINT": "x", "KUMO_CONFIG": "y", "PORT": "1"}) == Settings()


@pytest.mark.parametrize("field", [each.name for each in fields(Settings)])
def test_every_setting_can_be_named_in_the_file(field: str, tmp_path: Path) -> None:
    default = getattr(Settings(), field)
    plain = {
        "drain": '"10s"',
        "lease": '"10s"',
        "task_name_rest": '"1h"',
        "queue_name_rest": '"3d"',
        "history_keep": '"7d"',
        "dead_letters_keep": '"30d"',
        "logs_keep": '"30d"',
        "logs_size": '"1GiB"',
        "max_body": '"16MiB"',
        "run_idle": '"15m"',
    }
    written = {bool: str(default).lower(), tuple: "[]", dict: "{}"}.get(type(default), repr(default))
    settings = given(tmp_path, file=f"{field.replace('_', '-')} = {plain.get(field, written)}\n")
    assert settings == Settings()


# how values are written


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("10s", 10 * SECOND),
        ("500ms", SECOND // 2),
        ("1m", 60 * SECOND),
        ("1h", 3_600 * SECOND),
        ("31d", 31 * 86_400 * SECOND),
        ("1.5h", 5_400 * SECOND),
        ("4.35s", 4_350_000),
        ("10", 10 * SECOND),
        ("0.1", SECOND // 10),
        ("0s", 0),
    ],
)
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, microseconds: int) -> None:
    assert duration(text) == microseconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 s", "1w", "ten", "1e3s", ".5s", "1.s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="written like 10s"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "count"), [("4096", 4_096), ("16MiB", 16 * 2**20), ("16mb", 16 * 2**20), ("1 G", 2**30), ("2k", 2_048)]
)
def test_a_size_counts_in_powers_of_two(text: str, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5M", "1T"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="written like 16MiB"):
        size(text)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False)])
def test_a_switch_is_said_in_words(text: str, value: bool, tmp_path: Path) -> None:
    assert given(tmp_path, environment={"KUMO_STRICT_RESOURCES": text}).strict_resources is value


def test_lists_come_from_a_variable_with_commas_and_from_the_file_as_lists(tmp_path: Path) -> None:
    assert given(tmp_path, environment={"KUMO_QUEUE": " a, b ,"}).queue == ("a", "b")
    assert given(tmp_path, file='queue = ["a", "b"]').queue == ("a", "b")
    assert given(tmp_path, queue=["a", "b"]).queue == ("a", "b")


def test_tables_in_the_file_are_settings_with_a_prefix(tmp_path: Path) -> None:
    settings = given(
        tmp_path,
        file="""
        [egress]
        allow = ["10.0.0.0/8"]
        private = false
        [app-engine]
        host = "localhost"
        services = {default = "localhost:1"}
        [[queues]]
        name = "mail"
        rateLimits = {maxDispatchesPerSecond = 5}
        [[queues]]
        name = "bulk"
        """,
    )
    assert (settings.egress_allow, settings.egress_private) == (("10.0.0.0/8",), "false")
    assert (settings.app_engine_host, settings.app_engine_services) == ("localhost", {"default": "localhost:1"})
    assert [each["name"] for each in settings.queues] == ["mail", "bulk"]


@pytest.mark.parametrize(
    ("host", "private", "allowed"),
    [
        ("127.0.0.1", "auto", True),
        ("::1", "auto", True),
        ("localhost", "auto", True),
        ("0.0.0.0", "auto", False),
        ("10.1.2.3", "auto", False),
        ("0.0.0.0", "true", True),
        ("0.0.0.0", True, True),
        ("127.0.0.1", "off", False),
        ("127.0.0.1", False, False),
    ],
)
def test_private_targets_are_open_where_only_this_machine_can_name_them(
    host: str, private: object, allowed: bool, tmp_path: Path
) -> None:
    settings = given(tmp_path, host=host, auth_off_anywhere=True, egress_private=private)
    assert settings.private_targets is allowed


def test_egress_rules_keep_their_order(tmp_path: Path) -> None:
    rules = ("deny 10.9.0.0/16", "allow 10.0.0.0/8", "deny *")
    assert given(tmp_path, file=f"[egress]\nrules = {list(rules)}\n").egress_rules == rules
    assert given(tmp_path, environment={"KUMO_EGRESS_RULES": ", ".join(rules)}).egress_rules == rules


# where things are


@pytest.mark.parametrize(
    ("store", "database"),
    [
        ("./kumo-data", "kumo-data/kumo.db"),
        ("/var/lib/kumo", "/var/lib/kumo/kumo.db"),
        ("sqlite:///here/k.db", "here/k.db"),
        ("sqlite:////var/k.db", "/var/k.db"),
    ],
)
def test_the_store_says_where_the_file_is(store: str, database: str) -> None:
    assert str(Settings(store=store).database) == database


def test_run_time_files_are_beside_the_store_unless_told_otherwise() -> None:
    assert Settings(store="/s").data_directory == Path("/s")
    assert Settings(store="sqlite:////s/k.db").data_directory == Path("/s")
    assert Settings(store="/s", data="/d").data_directory == Path("/d")
    assert Settings(store="postgresql://h/db").data_directory == Path("kumo-data")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("127.example.com", False),
        ("localhost.example.com", False),
    ],
)
def test_loopback_is_an_address_not_a_spelling(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_off_loopback_nobody_is_let_in_unasked_unless_that_is_meant(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, host="0.0.0.0")
    assert sentence == (
        "--host 0.0.0.0 is not loopback, and nobody would be asked who he is: say --auth-off-anywhere if that is meant."
    )
    assert given(tmp_path, host="0.0.0.0", auth_off_anywhere=True).host == "0.0.0.0"


# identity


def test_who_calls_is_asked_where_it_is_said_so_also_off_loopback(tmp_path: Path) -> None:
    assert given(tmp_path).auth == "off"
    assert given(tmp_path, auth="iam", host="0.0.0.0").auth == "iam"
    assert given(tmp_path, environment={"KUMO_AUTH": "iam", "KUMO_HOST": "10.0.0.1"}).host == "10.0.0.1"


def test_default_accounts_edit_their_project_unless_told_otherwise(tmp_path: Path) -> None:
    assert Settings().default_accounts_edit is True
    assert given(tmp_path, environment={"KUMO_DEFAULT_ACCOUNTS_EDIT": "no"}).default_accounts_edit is False


@pytest.mark.parametrize("tls", ["off", "auto", "cert.pem:key.pem", "/etc/kumo/cert.pem:/etc/kumo/key.pem"])
def test_tls_is_off_our_own_or_the_operators(tls: str, tmp_path: Path) -> None:
    assert given(tmp_path, tls=tls).tls == tls


def test_the_ports_of_tls_and_the_proxy_are_settings(tmp_path: Path) -> None:
    settings = given(tmp_path, tls="auto", tls_port="0", environment={"KUMO_PROXY_PORT": "3128"})
    assert (settings.tls_port, settings.proxy_port) == (0, 3128)
    assert (Settings().tls_port, Settings().proxy_port, Settings().proxy_others) == (8443, 8124, "tunnel")
    assert given(tmp_path, proxy_others="refuse").proxy_others == "refuse"


def test_clients_may_be_asked_for_certificates_where_there_is_tls(tmp_path: Path) -> None:
    assert given(tmp_path, tls="auto", tls_client_ca="ca.pem").tls_client_ca == "ca.pem"


@pytest.mark.parametrize(
    "issuer",
    ["https://accounts.google.com", "https://kumo.example:8443/issuer", "http://localhost:8123", "http://127.0.0.1:81"],
)
def test_an_issuer_is_a_url_that_verifiers_can_trust(issuer: str, tmp_path: Path) -> None:
    assert given(tmp_path, issuer=issuer).issuer == issuer


def test_the_owners_key_is_beside_the_store_unless_told_otherwise() -> None:
    assert Settings(store="/s").owner_file == Path("/s/owner.json")
    assert Settings(store="/s", data="/d").owner_file == Path("/d/owner.json")
    assert Settings(store="/s", owner_key="/keys/me.json").owner_file == Path("/keys/me.json")


def test_private_workers_are_tables_of_the_file(tmp_path: Path) -> None:
    file = """
    [images]
    "gcr.io/p/worker" = { command = ["python", "main.py"] }
    [run]
    idle = "1m"
    tasks_are_internal = true
    hosts = { "worker.example.com" = "projects/p/locations/l/services/worker" }
    """
    settings = given(tmp_path, file=file)
    assert settings.images == {"gcr.io/p/worker": {"command": ["python", "main.py"]}}
    assert settings.run_hosts == {"worker.example.com": "projects/p/locations/l/services/worker"}
    assert (settings.run_idle, settings.run_tasks_are_internal) == (60 * SECOND, True)


def test_accounts_and_bindings_are_tables_of_the_file(tmp_path: Path) -> None:
    settings = given(
        tmp_path,
        file="""
        [[service_accounts]]
        id = "worker"
        [[bindings]]
        role = "roles/cloudtasks.enqueuer"
        members = ["serviceAccount:worker@kumo-local.iam.gserviceaccount.com"]
        """,
    )
    assert settings.service_accounts == ({"id": "worker"},)
    assert [each["role"] for each in settings.bindings] == ["roles/cloudtasks.enqueuer"]


# refusals


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"port": "65536"}, "--port 65536: a port is a number from 0 to 65535."),
        ({"port": "-1"}, "--port -1: a port is a number from 0 to 65535."),
        (
            {"port": "http"},
            "on the command line: port = 'http' is not understood: a whole number is needed.",
        ),
        ({"clock": "sundial"}, "--clock sundial: choose one of system, manual."),
        ({"log": "loud"}, "--log loud: choose one of debug, info, warning, error."),
        ({"auth": "maybe"}, "--auth maybe: choose one of off, iam."),
        ({"proxy_others": "forward"}, "--proxy-others forward: choose one of tunnel, refuse."),
        ({"tls_port": "65536"}, "--tls-port 65536: a port is a number from 0 to 65535."),
        ({"proxy_port": "-1"}, "--proxy-port -1: a port is a number from 0 to 65535."),
        ({"tls": "on"}, "--tls on: say off, auto or CERT:KEY, two PEM files."),
        ({"tls": ""}, "--tls : say off, auto or CERT:KEY, two PEM files."),
        ({"tls_client_ca": "ca.pem"}, "--tls-client-ca: needs --tls."),
        ({"issuer": "http://issuer.example"}, "--issuer http://issuer.example: an https URL without query is needed."),
        (
            {"issuer": "https://i.example/?a=b"},
            "--issuer https://i.example/?a=b: an https URL without query is needed.",
        ),
        ({"issuer": "accounts.google.com"}, "--issuer accounts.google.com: an https URL without query is needed."),
        (
            {"processes": "0"},
            "--processes 0: a number above 0 is needed.",
        ),
        (
            {"processes": "2"},
            "--processes 2: needs --store postgresql://…; SQLite has one process.",
        ),
        ({"lease": "1s"}, "--lease 1s: from 2s to 10m."),
        ({"lease": "11m"}, "--lease 660s: from 2s to 10m."),
        (
            {"drain": "soon"},
            "on the command line: drain = 'soon' is not understood: a duration is written like 10s, 500ms, 1h or 31d.",
        ),
        (
            {"max_body": "big"},
            "on the command line: max_body = 'big' is not understood: a size is written like 16MiB or 4096.",
        ),
        ({"max_in_flight": "0"}, "max_in_flight 0: a number above 0 is needed."),
        ({"max_concurrent_dispatches": "-1"}, "max_concurrent_dispatches -1: a number above 0 is needed."),
        ({"max_dispatches_per_second": "nan"}, "max_dispatches_per_second nan: a number above 0 is needed."),
        ({"max_dispatches_per_second": "inf"}, "max_dispatches_per_second inf: a number above 0 is needed."),
        (
            {"max_dispatches_per_second": "many"},
            "on the command line: max_dispatches_per_second = 'many' is not understood: a number is needed.",
        ),
        ({"max_body": "0"}, "max_body 0: a number above 0 is needed."),
        ({"max_body": "17MiB"}, "max_body 17825792: 16777216 bytes (16MiB) is the most."),
        (
            {"store": "mysql://u:p/w@host/db"},
            "--store mysql://host/db: not available in this version.",
        ),
        ({"store": "sqlite://"}, "--store sqlite://: name a file."),
        ({"nonsense": 1}, "on the command line: there is no setting 'nonsense'."),
    ],
)
def test_a_wrong_flag_is_refused_in_a_sentence(flags: dict[str, object], sentence: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, **flags) == sentence


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"KUMO_PORT": ""}, "in the environment: port = '' is not understood: a whole number is needed."),
        (
            {"KUMO_STRICT_RESOURCES": "perhaps"},
            "in the environment: strict_resources = 'perhaps' is not understood: say true or false.",
        ),
        (
            {"KUMO_APP_ENGINE_SERVICES": "a=b"},
            "in the environment: app_engine_services = 'a=b' is not understood: a table is needed.",
        ),
        (
            {"KUMO_QUEUES": "mail"},
            "in the environment: queues = 'mail' is not understood: a list of tables is needed.",
        ),
    ],
)
def test_a_wrong_variable_is_refused_in_a_sentence(environment: dict[str, str], sentence: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, environment=environment) == sentence


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("colour = 1", "DIR/kumo.toml:1:1: there is no setting 'colour'."),
        ("[egress]\ncolour = 1", "DIR/kumo.toml:2:1: there is no setting 'egress.colour'."),
        (
            "[egress]\nprivate = 'perhaps'",
            "DIR/kumo.toml:2:11: egress.private = 'perhaps' is not understood: say true or false.",
        ),
        ("port = true", "DIR/kumo.toml:1:8: port = True is not understood: a whole number is needed."),
        ("port = 1.5", "DIR/kumo.toml:1:8: port = 1.5 is not understood: a whole number is needed."),
        ("queue = [1]", "DIR/kumo.toml:1:9: queue = [1] is not understood: a list of texts is needed."),
        ("queue = {}", "DIR/kumo.toml:1:9: queue = {} is not understood: a list of texts is needed."),
        ("bindings = ['a']", "DIR/kumo.toml:1:12: bindings = ['a'] is not understood: a list of tables is needed."),
        ("queues = ['a']", "DIR/kumo.toml:1:10: queues = ['a'] is not understood: a list of tables is needed."),
        (
            "drain = [1]",
            "DIR/kumo.toml:1:9: drain = [1] is not understood: a duration is written like 10s, 500ms, 1h or 31d.",
        ),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(file: str, sentence: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, file=file) == sentence


def test_a_file_that_is_not_there_or_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        gathered({}, {}, tmp_path / "none.toml", JUDGES)
    assert str(refused.value) == f"{tmp_path}/none.toml: No such file or directory."
    assert refusal(tmp_path, file="port = ") == "DIR/kumo.toml:1:8: this is no TOML: Invalid value."
    (tmp_path / "raw").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="raw:1:1: this is no UTF-8 text"):
        gathered({}, {}, tmp_path / "raw", JUDGES)


def test_what_is_remembered_of_attempts_is_one_of_three(tmp_path: Path) -> None:
    for word in ("failed", "all", "off"):
        assert given(tmp_path, environment={"KUMO_HISTORY": word}).history == word
    assert refusal(tmp_path, environment={"KUMO_HISTORY": "some"}) == "history some: choose one of failed, all, off."
