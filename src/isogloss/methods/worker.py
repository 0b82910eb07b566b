"""One process of a training: `python -m isogloss.methods.worker FOLDER`, also started by torchrun.

Reads `job.json` in the folder and trains. Exit codes are those of `errors`; a message for the user stands behind
`error: ` at the end of stderr.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings
from pathlib import Path

from isogloss.errors import EXIT_BUG, UserError
from isogloss.methods.job import JOB, Job, finished
from isogloss.processes import run_as_child

#: Nothing is sent anywhere, and no model is looked for on a network: what is needed is in the job's folders.
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def main(arguments: list[str]) -> int:
    """Train the job in the one folder named; the exit code."""

    def train() -> None:
        if len(arguments) != 1:
            raise UserError("one folder is needed: python -m isogloss.methods.worker FOLDER")
        work(Path(arguments[0]))

    return run_as_child(train)


def work(folder: Path) -> None:
    """Train the job in `folder`, in this process and its environment, unless it has been trained already."""
    if not (folder / JOB).is_file():
        raise UserError(f"{folder}: no {JOB} there")
    job = Job.read(folder)
    if finished(job):
        print(f"{job.method}: finished already", file=sys.stderr)
        return
    _prepare(job)
    importlib.import_module(f"isogloss.methods.{job.method}").train(job)


def _prepare(job: Job) -> None:
    """Environment and threads, before torch is imported."""
    os.environ.update(_ENVIRONMENT)
    if job.launch.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif "LOCAL_RANK" not in os.environ:  # one process drives one GPU
        os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    # Other people's notes to each other; what concerns a user is an error here, or a line of the methods' own.
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|trl|peft|accelerate")
    import torch

    if job.launch.threads is not None:
        torch.set_num_threads(job.launch.threads)


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except Exception:
        logging.getLogger(__name__).exception("the training failed")
        code = EXIT_BUG
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: communication libraries take themselves apart at exit, each process at another moment, and now and then
    # abort, after everything has been written.
    os._exit(code)
