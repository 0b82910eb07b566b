"""Dockerfile and compose file: who runs, from what, in which order, and what the network can reach."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dockerfile_steps import instructions

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DIGEST = re.compile(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}")


def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage by its name, FROM first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for word, value in instructions(ROOT / "Dockerfile"):
        if word == "FROM":
            found[value.split(" AS ")[1]] = []
        found[list(found)[-1]].append((word, value))
    return found


STAGES = stages()


def chain(target: str) -> list[tuple[str, str]]:
    """Everything that makes a stage, its ancestors' instructions first."""
    origin = STAGES[target][0][1].split()[0]
    return [*(chain(origin) if origin in STAGES else []), *STAGES[target]]


def last(target: str, word: str) -> str:
    return [value for one, value in chain(target) if one == word][-1]


def test_the_base_is_one_image_pinned_by_digest() -> None:
    origins = [steps[0][1].split()[0] for steps in STAGES.values()]
    foreign = [origin for origin in origins if origin not in STAGES]
    assert len(foreign) == 1
    assert DIGEST.fullmatch(foreign[0])


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_runs_isogloss_as_an_ordinary_user_and_knows_its_health(target: str) -> None:
    assert last(target, "USER") == "1000:1000"
    assert STAGES[target][-1] == ("USER", "1000:1000"), "nothing is installed by the ordinary user"
    assert json.loads(last(target, "ENTRYPOINT")) == ["isogloss"]
    assert json.loads(last(target, "HEALTHCHECK").partition("CMD ")[2]) == ["isogloss", "doctor", "--quick"]
    assert json.loads(last(target, "VOLUME")) == ["/work/mlruns", "/cache"]


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_carries_the_commit_that_it_is_built_from(target: str) -> None:
    assert STAGES[target][-3:-1] == [("ARG", 'COMMIT=""'), ("ENV", "ISOGLOSS_COMMIT=$COMMIT")], (
        "behind the heavy layers"
    )


def test_what_libraries_keep_is_in_the_volume_whoever_runs_it() -> None:
    given = dict(part.split("=", 1) for word, value in chain("cpu") if word == "ENV" for part in value.split())
    assert given["ISOGLOSS_CACHE"] == given["HOME"] == "/cache"
    assert given["HF_HOME"].startswith("/cache/")
    assert given["USER"]


def test_the_default_image_is_the_cpu_one() -> None:
    assert list(STAGES)[-1] == "cpu"


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_a_change_of_code_leaves_the_packages_layer_alone(target: str) -> None:
    """The packages' stage sees neither the code nor the documents."""
    assert {value for word, value in chain(f"needs-{target}") if word == "COPY"} == {
        "pyproject.toml constraints.txt ./"
    }
    copied = [value for word, value in STAGES[target] if word == "COPY"]
    assert copied == [f"--from=needs-{target} /opt/isogloss /opt/isogloss"]


def test_packages_are_the_constraints_and_their_cache_is_in_no_layer() -> None:
    installs = [value for steps in STAGES.values() for word, value in steps if word == "RUN" and "pip install" in value]
    assert installs
    for one in installs:
        assert "-c constraints.txt" in one or "--no-index --no-deps" in one
        assert "--mount=type=cache,target=/var/cache/pip" in one or "--no-cache-dir" in one


def test_extras_of_the_image_exist() -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    wanted = re.findall(r'"\.\[([a-z,]+)\]"', (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert len(wanted) == 2
    assert all(set(one.split(",")) <= set(extras) for one in wanted)


def test_the_context_holds_what_is_copied_and_no_secrets() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    copied = {
        name
        for steps in STAGES.values()
        for word, value in steps
        if word == "COPY" and "--from" not in value
        for name in re.sub(r"--\S+ ", "", value).split()[:-1]
    }
    assert copied == let
    assert not {name for name in let if name.startswith(".env")}
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def published(service: dict[str, Any]) -> list[str]:
    return [str(port) for port in service.get("ports", [])]


def test_the_database_is_reached_from_inside_alone_and_mlflow_from_this_machine() -> None:
    services = COMPOSE["services"]
    assert published(services["database"]) == []
    assert services["database"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert published(services["mlflow"]) == ["${MLFLOW_ADDRESS:-127.0.0.1:5000}:5000"]
    assert [name for name, one in services.items() if published(one)] == ["mlflow"]


def test_no_password_stands_in_the_files_and_none_is_a_refusal() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    passwords = re.findall(r"(?:POSTGRES_PASSWORD|PGPASSWORD): (.*)", text)
    assert len(passwords) == 3
    assert all(one.startswith("${POSTGRES_PASSWORD:?") for one in passwords)
    assert "POSTGRES_PASSWORD=\n" in (ROOT / ".env.example").read_text(encoding="utf-8")
    assert not re.search(r"://[^/@\s]*:[^/@\s]*@", text)


def test_settings_of_the_compose_file_are_those_of_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
    told = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.M))
    assert used == told


def test_services_wait_for_health_and_run_what_exists() -> None:
    from isogloss.cli.main import app

    services = COMPOSE["services"]
    for name, one in services.items():
        for other, need in one.get("depends_on", {}).items():
            assert need == {"condition": "service_healthy"}
            assert other == "database" or "healthcheck" in services[other]
        if name != "database":
            assert one["build"]["target"] in STAGES
            assert one["cap_drop"] == ["ALL"]
    assert DIGEST.fullmatch(services["database"]["image"])
    assert "healthcheck" in services["database"]
    commands = {one.name or one.callback.__name__ for one in app.registered_commands if one.callback}
    assert {services[name]["command"][0] for name in ("worker", "search-worker")} <= commands
