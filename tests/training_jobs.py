"""Small trainings for tests: instruction and parallel rows in three languages, and jobs on tiny random models."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from isogloss.data.rows import InstructionRow, ParallelRow, write_rows
from isogloss.files import sha256_file
from isogloss.methods.callbacks import read_log
from isogloss.methods.job import LOG, Job
from isogloss.spec.align import METHODS, CloSection, LaunchSpec, MidalignSection, MistSection, TrainSection
from tiny_models import make_tiny_model

LANGUAGES = ("en", "es", "ko")
_WORDS = {
    "en": ("What is number", "It is"),
    "es": ("¿Cuál es el número", "Es el"),
    "ko": ("번호는 무엇입니까", "답은"),
}


def instruction_rows(count: int, *, languages: tuple[str, ...] = LANGUAGES) -> list[InstructionRow]:
    """`count` questions of uneven length, with answers."""
    return [
        InstructionRow(
            id=f"row/{number}",
            prompt={code: f"{_WORDS[code][0]} {'x' * (number % 4)}{number}?" for code in languages},
            response={code: f"{_WORDS[code][1]} {number * 7}{'.' * (number % 3)}" for code in languages},
        )
        for number in range(count)
    ]


def parallel_rows(count: int, *, languages: tuple[str, ...] = LANGUAGES) -> list[ParallelRow]:
    """`count` sentences, all different."""
    return [
        ParallelRow(id=f"pair/{number}", text={code: f"{_WORDS[code][1]} {number * 3}" for code in languages})
        for number in range(count)
    ]


@cache
def tiny_folder(family: str) -> Path:
    """The folder of a tiny random model; made once a test session. Treat as read-only."""
    return make_tiny_model(family, Path(mkdtemp(prefix="isogloss-tiny-")))


def make_job(
    folder: Path, *, method: str = "mist", family: str = "llama", rows: int = 12, section: Any = None, **fields: Any
) -> Job:
    """A job in `folder` with its data files; keywords that are settings of `train` go there, the others to the job."""
    from isogloss.models.load import resolve

    found = resolve(str(tiny_folder(family)))
    folder.mkdir(parents=True, exist_ok=True)
    instructions, parallel = folder / "instructions.jsonl", folder / "parallel.jsonl"
    write_rows(instructions, instruction_rows(rows))
    write_rows(parallel, parallel_rows(rows))
    settings: dict[str, Any] = {"batch": 6, "steps": 6, "learning_rate": 1e-2, "checks": 2, "save_every": 2}
    settings |= {
        name: fields.pop(name) for name in list(fields) if name in TrainSection.model_fields and name != "dtype"
    }
    train = TrainSection(**settings)
    kinds: dict[str, Any] = {"mist": MistSection, "clo": CloSection, "midalign": MidalignSection}
    assert method in METHODS
    chosen = kinds[method](train=train) if section is None else section.model_copy(update={"train": train})
    job = Job(
        **{
            "method": method,
            "model_name": str(found.path),
            "model_path": found.path,
            "model_digest": found.digest,
            "languages": LANGUAGES,
            "instructions": (instructions,),
            "parallel": (parallel,),
            "instructions_digest": sha256_file(instructions),
            "parallel_digest": sha256_file(parallel),
            method: chosen,
            "launch": LaunchSpec(device="cpu", threads=1),
            "folder": folder / "job",
            **fields,
        }
    )
    job.folder.mkdir(exist_ok=True)
    job.write()
    return job


def run_worker(job: Job, *, patch: str = "", timeout: float = 240) -> subprocess.CompletedProcess[str]:
    """The worker in a process of its own, to its end; `patch`, as `module.function`, is called there first."""
    module, _, function = patch.rpartition(".")
    fault = f"import {module}; {module}.{function}()\n" if patch else ""
    places = [str(Path(__file__).parent / name) for name in (".", "faults")]
    places += filter(None, [os.environ.get("PYTHONPATH")])
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"{fault}import sys\nfrom isogloss.methods.worker import main\nsys.exit(main(sys.argv[1:]))",
            str(job.folder),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def curve(job: Job) -> list[dict[str, Any]]:
    """The lines of the job's log without what the clock says."""
    return [
        {name: value for name, value in line.items() if name not in ("seconds", "tokens_per_second")}
        for line in read_log(job.folder / LOG)
    ]
