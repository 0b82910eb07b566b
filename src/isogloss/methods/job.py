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

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from isogloss.files import digest_of, read_json, write_json
from isogloss.spec.align import CloSection, Method, MidalignSection, MistSection, TrainSection
from isogloss.spec.launch import LaunchSpec

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
