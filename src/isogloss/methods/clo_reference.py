"""log π_ref of every pair, computed once before training and kept in the job's folder for when it is resumed.

The processes share the work; rank 0 alone reads and writes the file, and hands every process the whole table.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import torch
from safetensors.torch import load_file, save_file

from isogloss.files import damage, digest_of, read_manifest, sealed_folder
from isogloss.methods.encoding import Entry
from isogloss.methods.job import Job
from isogloss.methods.ranks import by_first, gathered, is_first, world_size

REFERENCE = "reference"
#: Gives the log-probabilities [P, 4] of a few pairs.
Reader = Callable[[Sequence[Entry]], torch.Tensor]
_FILE = "log_probs.safetensors"


def reference_log_probs(
    job: Job, pairs: Sequence[Entry], *, reader: AbstractContextManager[Reader], batch: int, rank: int
) -> torch.Tensor:
    """The reference's log-probabilities [P, 4] of all `pairs`, on the processor, the same on every process.

    `pairs` stand in the order in which training first reads them and `batch` is its micro-batch, so that both read them in
    the same batches: in bfloat16 these round in the same way, and a policy that has not moved has z = 0.
    `reader` is entered where there is something to compute. It gives those of up to `batch` pairs at once, and is called
    equally often on every process. All processes call this. A file that is damaged, or made from other data or settings,
    is named on stderr and made again.
    """
    made_from = digest_of([job.digest, [[[one.prompt, one.completion] for one in pair.sequences] for pair in pairs]])
    kept = by_first(lambda: _kept(job, made_from))
    if kept is not None:
        return kept
    began = time.monotonic()
    with reader as read:
        shares = gathered(_share(pairs, read=read, batch=batch, rank=rank))
    table_P4 = torch.full((len(pairs), 4), torch.nan, dtype=shares[0][1].dtype)
    for positions, part_P4 in shares:
        table_P4[positions] = part_P4
    if is_first():
        with sealed_folder(job.folder / REFERENCE, made_from=made_from) as aside:
            save_file({"log_probs": table_P4}, aside / _FILE)
        took = time.monotonic() - began
        print(f"clo: reference log-probabilities of {len(pairs)} pairs computed in {took:.0f} s", file=sys.stderr)
    return table_P4


def _kept(job: Job, made_from: str) -> torch.Tensor | None:
    """What an earlier start of the same training left, if it is whole."""
    folder = job.folder / REFERENCE
    if not folder.exists():
        return None
    wrong = damage(folder)
    if wrong is None and (read_manifest(folder) or {}).get("made_from") != made_from:
        wrong = f"{folder}: made from other data or settings"
    if wrong is not None:
        print(f"{wrong}; the reference log-probabilities are computed again", file=sys.stderr)
        return None
    return load_file(folder / _FILE)["log_probs"]


def _share(pairs: Sequence[Entry], *, read: Reader, batch: int, rank: int) -> tuple[list[int], torch.Tensor]:
    """(positions, their log-probabilities) of this process's share."""
    batches = [range(begin, min(begin + batch, len(pairs))) for begin in range(0, len(pairs), batch)]
    # Where parameters are sharded every process takes part in every forward: the last ones may repeat a batch.
    turns = -(-len(batches) // world_size())
    mine = [batches[min(turn * world_size() + rank, len(batches) - 1)] for turn in range(turns)]
    parts = [read([pairs[index] for index in some]).cpu() for some in mine]
    return [index for some in mine for index in some], torch.cat(parts)
