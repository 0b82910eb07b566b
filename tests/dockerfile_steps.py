"""Carries out the steps of a Dockerfile without a container engine: each stage is a folder, and each RUN happens in it.

The machine's own system stands in for the base image: its top folders are bound into the stage, besides those that the steps
write. That takes root and mount namespaces of Linux.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

from dockerfile_parse import DockerfileParser

#: Top folders that a stage has for itself, empty at first.
OWN = ("tmp", "root", "home", "src", "work", "cache", "artifacts", "wheels", "var", "mnt")
_FLAG = re.compile(r"--(\w[\w-]*)=(\S+)\s+")


@dataclass
class Stage:
    """A stage so far: its files, and what its instructions have set."""

    root: Path
    env: dict[str, str]
    workdir: str = "/"
    user: str = "0:0"
    settings: dict[str, Any] = field(default_factory=dict)


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """(instruction, value) in order, comments left out and lines joined."""
    with dockerfile.open("rb") as file:
        parsed = DockerfileParser(fileobj=file).structure
    return [(one["instruction"], one["value"]) for one in parsed if one["instruction"] != "COMMENT"]


def can_build() -> bool:
    """Whether this machine lets a test mount."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


def context(root: Path, to: Path) -> None:
    """The build context: what `.dockerignore` (which begins by leaving out everything) lets through."""
    lines = [line for line in (root / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    let, left_out = [line[1:] for line in lines if line[0] == "!"], [line for line in lines[1:] if line[0] != "!"]
    assert all(line.startswith("**/") for line in left_out)
    ignore = shutil.ignore_patterns(*(line.removeprefix("**/") for line in left_out))
    to.mkdir()
    for name in let:
        if (root / name).is_dir():
            shutil.copytree(root / name, to / name, ignore=ignore)
        else:
            shutil.copy(root / name, to / name)


class Build:
    """The stages of a Dockerfile in a folder. `target` and what it stands on are made, as an engine would."""

    def __init__(self, dockerfile: Path, context: Path, place: Path) -> None:
        self.steps, self.context, self.place = instructions(dockerfile), context, place
        self.stages: dict[str, Stage] = {}
        (place / "pip-cache").mkdir()

    def make(self, target: str) -> Stage:
        """The finished stage of that name."""
        if target in self.stages:
            return self.stages[target]
        number = next(
            index for index, (word, value) in enumerate(self.steps) if word == "FROM" and value.split()[-1] == target
        )
        origin = self.steps[number][1].split()[0]
        if "@sha256:" in origin:
            stage = self._base(target)
        else:
            before = self.make(origin)
            stage = Stage(self.place / target, dict(before.env), before.workdir, before.user, dict(before.settings))
            subprocess.run(["cp", "-al", before.root, stage.root], check=True)
        for word, value in self.steps[number + 1 :]:
            if word == "FROM":
                break
            self._step(stage, word, value)
        self.stages[target] = stage
        return stage

    def run(self, stage: Stage, command: list[str], *, user: str | None = None, **mounts: str) -> str:
        """The output of a command in the stage, by its user or another one (`--user`); `mounts` as `--mount` of RUN.

        Raises:
            AssertionError: the command failed.
        """
        uid, gid = (user or stage.user).split(":")
        lines = ["set -eu"]
        for path in sorted(Path("/").iterdir()):
            if path.is_dir() and not path.is_symlink() and path.name not in (*OWN, "etc", "opt", "lost+found"):
                lines.append(f"mount --rbind {path} {stage.root}{path}")
        for path in sorted(Path("/opt").iterdir()):
            if path.is_dir() and path.name != "isogloss":
                lines.append(f"mkdir -p {stage.root}{path} && mount --rbind {path} {stage.root}{path}")
        for target, source in {"/.python": sys.base_prefix, **mounts}.items():
            lines.append(f"mkdir -p {stage.root}{target} && mount --bind {source} {stage.root}{target}")
        ids = f"--userspec={uid}:{gid}"
        lines.append(
            f"exec chroot {ids} {stage.root} /bin/sh -c {shlex.quote(f'cd {stage.workdir} && {shlex.join(command)}')}"
        )
        # What a person sets for pip (an index, a certificate) is the machine's, as an engine's proxy would be.
        outside = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        ended = subprocess.run(
            ["unshare", "--mount", "--propagation=private", "sh", "-c", "\n".join(lines)],
            env={**outside, "HOME": _home(stage.root, uid), **stage.env},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, (
            f"{shlex.join(command)}: {ended.returncode}\n{ended.stdout[-2000:]}{ended.stderr[-4000:]}"
        )
        return ended.stdout

    def _base(self, name: str) -> Stage:
        root = self.place / name
        for path in Path("/").iterdir():
            if path.is_symlink():
                (root / path.name).parent.mkdir(exist_ok=True)
                (root / path.name).symlink_to(path.readlink())
            elif path.is_dir():
                (root / path.name).mkdir(parents=True)
        for folder in ("tmp", "root", "home", "var/cache", ".python", ".names"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "tmp").chmod(0o1777)
        shutil.rmtree(root / "etc")
        shutil.copytree("/etc", root / "etc", symlinks=True, ignore_dangling_symlinks=True)
        for file in ("passwd", "group", "shadow", "gshadow"):  # a base image has no ordinary users
            lines = (root / "etc" / file).read_text().splitlines() if (root / "etc" / file).is_file() else []
            people = {line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines() if _ordinary(line)}
            kept = [line for line in lines if line.split(":")[0] not in people]
            (root / "etc" / file).write_text("".join(f"{line}\n" for line in kept))
        # The image's `python` is this machine's, wherever that is installed and whatever it is called. Not a link: an
        # environment made by one looks for the library beside the link.
        python = root / ".names" / "python"
        python.write_text(f'#!/bin/sh\nexec /.python/bin/python{sys.version_info[0]}.{sys.version_info[1]} "$@"\n')
        python.chmod(0o755)
        # It may be a program with a library of its own, which must not be taken for the system's.
        return Stage(root, {"PATH": f"/.names:{os.defpath}:/usr/sbin:/sbin", "LD_LIBRARY_PATH": "/.python/lib"})

    def _step(self, stage: Stage, word: str, value: str) -> None:
        if word == "RUN":
            flags, command = _flags(value)
            mounts = dict(self._mount(one) for one in flags.get("mount", []))
            self.run(stage, ["/bin/sh", "-c", command], **mounts)
        elif word == "COPY":
            self._copy(stage, value)
        elif word in ("ENV", "ARG"):
            for one in shlex.split(value):
                name, _, text = one.partition("=")
                stage.env[name] = Template(text).safe_substitute(stage.env)
        elif word == "WORKDIR":
            stage.workdir = value
            (stage.root / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            stage.user = value
        elif word in ("ENTRYPOINT", "CMD"):
            stage.settings[word] = json.loads(value)
        elif word == "HEALTHCHECK":
            stage.settings[word] = json.loads(value.partition("CMD ")[2])
        else:
            assert word == "VOLUME", f"{word}: an instruction that is not carried out here"

    def _mount(self, text: str) -> tuple[str, str]:
        parts = dict(one.split("=", 1) for one in text.split(","))
        if parts["type"] == "cache":
            return parts["target"], str(self.place / "pip-cache")
        assert parts["type"] == "bind"
        return parts["target"], f"{self.make(parts['from']).root}{parts['source']}"

    def _copy(self, stage: Stage, value: str) -> None:
        flags, paths = _flags(value)
        *sources, target = paths.split()
        origin = self.make(flags["from"][0]).root if "from" in flags else self.context
        into = stage.root / (target if target.startswith("/") else f"{stage.workdir}/{target}").lstrip("/")
        for source in sources:
            found = origin / source.lstrip("/")
            place = into / found.name if found.is_file() else into
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists() and found.is_file():
                place.unlink()
            subprocess.run(["cp", "-al" if "from" in flags else "-a", *_from_to(found, place)], check=True)
        for owner in flags.get("chown", []):
            subprocess.run(["chown", "-R", owner, into], check=True)


def _home(root: Path, uid: str) -> str:
    """The home folder of a user by number, as an engine sets it."""
    lines = [line.split(":") for line in (root / "etc" / "passwd").read_text().splitlines()]
    return next((home for _, _, number, _, _, home, _ in lines if number == uid), "/")


def _ordinary(line: str) -> bool:
    """Whether a line of the passwd file is of a person."""
    return 1000 <= int(line.split(":")[2]) < 65534


def _flags(value: str) -> tuple[dict[str, list[str]], str]:
    """`--mount=… --mount=… rest` as the flags' values, and the rest."""
    found: dict[str, list[str]] = {}
    while match := _FLAG.match(value):
        found.setdefault(match[1], []).append(match[2])
        value = value[match.end() :].lstrip()
    return found, value


def _from_to(found: Path, place: Path) -> list[str]:
    """A folder's contents into `place`, which is made; or a file to it."""
    if found.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return [f"{found}/.", str(place)]
    return [str(found), str(place)]
