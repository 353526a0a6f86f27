"""What an instance finds around it."""

from __future__ import annotations

from dataclasses import replace

from kumotasks.domain.run.change import revision_of
from kumotasks.domain.run.revision import Launch
from kumotasks.workers.instances.surroundings import environment_of, expanded
from tests.domain.run.factory import a_service

SECRETS = {"KUMO_SECRET": "s", "GOOGLE_APPLICATION_CREDENTIALS": "/owner.json", "AWS_SECRET_ACCESS_KEY": "a"}
AROUND = {"PATH": "/bin", "HOME": "/home/me", "LANG": "C.UTF-8", **SECRETS}


def surroundings(launch_env: tuple[tuple[str, str], ...] = (), **env: str) -> dict[str, str]:
    service = a_service()
    container = replace(service.template.serving, env=tuple(sorted(env.items())), env_order=tuple(env))
    template = replace(service.template, containers=(container,))
    launch = Launch(("run",), env=launch_env)
    revision = revision_of(replace(service, template=template), uid="u", now=0, launch=launch)
    endpoints = {"https_proxy": "http://127.0.0.1:8124"}
    return environment_of(revision, port=4321, metadata="127.0.0.1:99", around=AROUND, endpoints=endpoints)


def test_cloud_runs_variables_are_there_and_nobody_can_set_them() -> None:
    found = surroundings((("PORT", "1"),), K_SERVICE="other")
    name = a_service().name.service
    assert found["PORT"] == "4321"
    assert (found["K_SERVICE"], found["K_CONFIGURATION"]) == (name, name)
    assert found["K_REVISION"].startswith(f"{name}-00001-")
    assert found["GCE_METADATA_HOST"] == found["GCE_METADATA_IP"] == found["GCE_METADATA_ROOT"] == "127.0.0.1:99"
    assert found["METADATA_SERVER_DETECTION"] == "assume-present"


def test_nothing_secret_of_the_server_is_there() -> None:
    found = surroundings()
    assert not SECRETS.keys() & found.keys()
    assert (found["PATH"], found["HOME"], found["LANG"]) == ("/bin", "/home/me", "C.UTF-8")
    assert found["https_proxy"] == "http://127.0.0.1:8124"


def test_the_services_own_stand_over_the_images_and_those_over_the_rest() -> None:
    found = surroundings((("A", "image"), ("B", "image"), ("PATH", "/opt")), A="service", https_proxy="none")
    assert (found["A"], found["B"], found["PATH"], found["https_proxy"]) == ("service", "image", "/opt", "none")


def test_a_variable_may_name_those_before_it() -> None:
    found = surroundings(Z="$(PORT)", A="at $(Z), $$(Z), $(NOBODY), $PORT")
    assert (found["Z"], found["A"]) == ("4321", "at 4321, $(Z), $(NOBODY), $PORT")


def test_a_command_finds_its_port_without_a_shell() -> None:
    command = ("gunicorn", "--bind", ":$PORT", "${PORT}", "$(PORT)", "$PORTAL", "$HOME", "$$")
    assert expanded(command, {"PORT": "4321"}) == (
        "gunicorn",
        "--bind",
        ":4321",
        "4321",
        "4321",
        "$PORTAL",
        "$HOME",
        "$",
    )
