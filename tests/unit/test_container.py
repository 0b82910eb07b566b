"""Dockerfile and compose file, without an engine: who runs, what is copied and installed, and what the network can reach."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = re.sub(
    r"\\\n\s*", "", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.M)
)
#: The lines of each build stage by its name.
STAGES = {
    re.split(r"\s+AS\s+", text.splitlines()[0])[1]: [line for line in text.splitlines() if line]
    for text in re.split(r"^FROM ", DOCKERFILE, flags=re.M)[1:]
}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
PINNED = re.compile(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}")


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_an_image_ends_as_an_ordinary_user_with_its_commit_behind_the_heavy_layers(target: str) -> None:
    assert STAGES[target][-3:] == ['ARG COMMIT=""', "ENV ISOGLOSS_COMMIT=$COMMIT", "USER 1000:1000"]


def test_images_stand_on_one_base_pinned_by_digest_and_cpu_is_the_default() -> None:
    origins = {lines[0].split()[0] for lines in STAGES.values()} - set(STAGES)
    assert len(origins) == 1
    assert PINNED.fullmatch(origins.pop())
    assert PINNED.fullmatch(COMPOSE["services"]["database"]["image"])
    assert list(STAGES)[-1] == "cpu"


def test_a_change_of_code_leaves_the_layer_of_packages_alone() -> None:
    copied = [line for name in ("base", "empty", "needs-cpu", "needs-cuda") for line in STAGES[name] if "COPY" in line]
    assert copied == ["COPY pyproject.toml constraints.txt ./"]


def test_packages_are_the_constraints_with_extras_that_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    installs = [line for lines in STAGES.values() for line in lines if "pip install" in line]
    assert installs
    for line in installs:
        assert "-c constraints.txt" in line or "--no-index --no-deps" in line
        assert all(set(names.split(",")) <= set(extras) for names in re.findall(r'"\.\[([a-z,]+)\]"', line))


def test_the_context_is_what_the_image_copies_and_holds_no_password() -> None:
    context = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = [line for line in DOCKERFILE.splitlines() if line.startswith("COPY") and "--from" not in line]
    copied = {name for line in copies for name in line.split()[1:-1] if not name.startswith("--")}
    assert copied == context
    assert all((ROOT / name).exists() for name in copied)
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_only_mlflow_is_reached_from_outside_and_only_from_this_machine() -> None:
    services = COMPOSE["services"]
    assert {name: service["ports"] for name, service in services.items() if service.get("ports")} == {
        "mlflow": ["${MLFLOW_ADDRESS:-127.0.0.1:5000}:5000"]
    }
    assert services["database"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_settings_are_those_of_the_example_and_without_a_password_nothing_starts() -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+)", text)) == set(re.findall(r"^(\w+)=", example, re.M))
    passwords = re.findall(r"(?:POSTGRES_PASSWORD|PGPASSWORD): (.*)", text)
    assert passwords
    assert all(value.startswith("${POSTGRES_PASSWORD:?") for value in passwords)
    assert "POSTGRES_PASSWORD=\n" in example


def test_services_run_commands_that_exist_in_images_that_exist() -> None:
    from isogloss.cli.main import app

    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    services = COMPOSE["services"]
    assert {services[name]["command"][0] for name in ("worker", "search-worker")} <= commands
    for name in services.keys() - {"database"}:
        assert services[name]["build"]["target"] in STAGES
        assert services[name]["cap_drop"] == ["ALL"]
