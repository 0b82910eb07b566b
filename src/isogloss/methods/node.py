"""Another node of a training: `python -m isogloss.methods.node FOLDER --node-rank N [--rendezvous HOST:PORT]`.

FOLDER is the job's, which the run on node 0 has written and named, on a file system that all nodes share. Starts this
node's processes and returns when they have ended, with the exit codes of `errors`. `--rendezvous` is for a node that
reaches node 0 by another address than the others.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from isogloss.errors import EXIT_DONE, IsoglossError, UserError
from isogloss.methods.job import JOB, Job
from isogloss.methods.launch import launch


def main(arguments: list[str] | None = None) -> int:
    """Take part in the training; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m isogloss.methods.node", description="Another node of a training.")
    parser.add_argument("folder", type=Path, help="the job's folder, as node 0 names it")
    parser.add_argument("--node-rank", type=int, required=True, help="which node this is, from 1")
    parser.add_argument("--rendezvous", help="HOST:PORT of node 0, where it is not what the job says")
    given = parser.parse_args(arguments)
    try:
        launch(_job(given.folder, given.node_rank, given.rendezvous))
    except IsoglossError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return EXIT_DONE


def _job(folder: Path, node_rank: int, rendezvous: str | None) -> Job:
    if not (folder / JOB).is_file():
        raise UserError(f"{folder}: no {JOB} there; start the run on node 0 first, and name the folder that it tells")
    job = Job.read(folder)
    if not 0 < node_rank < job.launch.nodes:
        raise UserError(
            f"--node-rank {node_rank}: the training has {job.launch.nodes} nodes, and those besides node 0 are 1 to "
            f"{job.launch.nodes - 1}"
        )
    changed = {"node_rank": node_rank, "rendezvous": rendezvous or job.launch.rendezvous}
    return job.model_copy(update={"launch": job.launch.model_copy(update=changed)})


if __name__ == "__main__":
    sys.exit(main())
