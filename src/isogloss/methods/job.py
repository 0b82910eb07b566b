"""`Job`: everything that a training needs, as one JSON file that the launcher writes and every worker process reads.

Layout of a job's folder:

```
job.json                   this, written by the launcher
log.jsonl                  one line an optimizer step, by rank 0; cut back to the checkpoint when resumed: no step twice
decisions.json             counted decisions about the data (rows dropped for length, languages missing …)
checkpoints/checkpoint-50/ everything to resume from, sealed by a manifest written last
snapshots/step-50/         weights or adapter at a check, sealed
final/                     weights or adapter at the end, sealed, with checkpoint.json (what it is, made from what)
```
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from isogloss.errors import UserError
from isogloss.files import damage, digest_of, read_json, read_manifest, seal, write_json
from isogloss.spec.align import CloSection, LaunchSpec, Method, MidalignSection, MistSection, TrainSection

JOB = "job.json"
LOG = "log.jsonl"
DECISIONS = "decisions.json"
CHECKPOINTS = "checkpoints"
SNAPSHOTS = "snapshots"
FINAL = "final"


class Job(BaseModel):
    """A training. Paths are absolute. `instructions` and `parallel` are files of the project's formats."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method
    model_name: str
    model_path: Path
    model_digest: str
    languages: tuple[str, ...]
    instructions: tuple[Path, ...]
    parallel: tuple[Path, ...] = ()
    instructions_digest: str
    parallel_digest: str = ""
    missing_language: str = "count"
    mist: MistSection | None = None
    clo: CloSection | None = None
    midalign: MidalignSection | None = None
    dtype: str = "float32"
    launch: LaunchSpec = LaunchSpec()
    folder: Path

    @property
    def section(self) -> MistSection | CloSection | MidalignSection:
        """The method's own settings."""
        section = getattr(self, self.method)
        assert section is not None
        return section

    @property
    def train(self) -> TrainSection:
        """The settings shared by the methods, as they hold for this one."""
        return self.section.train

    @property
    def digest(self) -> str:
        """Digest of all that can change the result: not the launch shape, not the folders."""
        return digest_of(
            self.model_dump(mode="json", exclude={"launch", "folder", "model_path", "instructions", "parallel"})
        )

    def write(self) -> Path:
        """Write it into its folder."""
        path = self.folder / JOB
        write_json(path, self.model_dump(mode="json"))
        return path

    @classmethod
    def read(cls, folder: Path) -> Job:
        """Read it from its folder."""
        return cls.model_validate(read_json(folder / JOB))


# --------------------------------------------------------------------------------------------------------------------
# Checkpoints that count only when whole: sealed after the save, the newest valid one found, bad ones set aside by name.

#: So many sealed checkpoints are kept.
KEPT = 2
_NAME = re.compile(r"checkpoint-(\d+)")


def step_of(folder: Path) -> int | None:
    """The step in a checkpoint's name, or None for anything else (also for one that was set aside)."""
    match = _NAME.fullmatch(folder.name)
    return int(match[1]) if match else None


def seal_checkpoint(folder: Path, *, job: Job, processes: int) -> None:
    """Seal what a trainer wrote, and remove all but the newest sealed ones. Rank 0 calls it when all have written."""
    step = step_of(folder)
    assert step is not None, folder
    seal(folder, step=step, job=job.digest, processes=processes, engine=engine_name(job))
    sealed = [other for other in _newest_first(folder.parent) if read_manifest(other) is not None]
    for old in sealed[KEPT:]:
        shutil.rmtree(old)


def newest_valid(job: Job, *, processes: int) -> Path | None:
    """The checkpoint to resume from, or None. Damaged and unfinished ones are renamed aside and named on stderr.

    Raises:
        UserError: it belongs to a training with other settings, or cannot be resumed on so many processes.
    """
    for folder in _newest_first(job.folder / CHECKPOINTS):
        problem = damage(folder)
        if problem is None:
            _check_fits(folder, job, processes)
            return folder
        aside = _unused(folder)
        folder.rename(aside)
        print(f"checkpoint set aside as {aside.name}: {problem}", file=sys.stderr)
    return None


def finished(job: Job) -> bool:
    """Whether `final/` is whole and of this job, so that there is nothing to do."""
    folder = job.folder / FINAL
    manifest = read_manifest(folder)
    return manifest is not None and manifest.get("job") == job.digest and damage(folder) is None


def engine_name(job: Job) -> str:
    """`none`, `zero-2`, …: checkpoints of one engine mean nothing to another."""
    return "none" if job.launch.engine == "none" else f"zero-{job.launch.zero}"


def _check_fits(folder: Path, job: Job, processes: int) -> None:
    manifest = read_manifest(folder) or {}
    if manifest.get("job") != job.digest:
        raise UserError(
            f"{folder} was made with other settings, data or model than the training has now; go back to those, or "
            f"remove {folder.parent} to start anew"
        )
    engine, then = manifest.get("engine"), manifest.get("processes")
    if engine != engine_name(job):
        raise UserError(
            f"{folder} was written by engine {engine}, and the launch shape now asks for {engine_name(job)}; launch as "
            f"before, or remove {folder.parent} to start anew"
        )
    if then != processes and engine != "none":
        raise UserError(
            f"{folder} holds the {engine} shards of {then} process{'es' if then != 1 else ''} and cannot be resumed on "
            f"{processes}; launch on {then}, or remove {folder.parent} to start anew"
        )
    if then != processes and job.train.parameters == "lora" and job.train.lora.dropout > 0:
        raise UserError(
            f"{folder} was written by {then} process{'es' if then != 1 else ''}, and with train.lora.dropout the random "
            f"numbers of {processes} would differ; launch on {then}, or remove {folder.parent} to start anew"
        )


def _newest_first(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = [(step, path) for path in folder.iterdir() if path.is_dir() and (step := step_of(path)) is not None]
    return [path for _, path in sorted(found, reverse=True)]


def _unused(folder: Path) -> Path:
    number = 1
    while (aside := folder.with_name(f"{folder.name}.damaged-{number}")).exists():
        number += 1
    return aside
