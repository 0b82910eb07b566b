"""A process of a launch that only loads the job's model, and writes how much of it it holds: `share-RANK.json`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from isogloss.files import write_json
from isogloss.methods.job import Job
from isogloss.processes import die_with_parent


def load(folder: Path) -> None:
    """Counts of numbers: `whole` in the model, `share` kept by this process, `held` in whole parameters besides."""
    from isogloss.methods.model import load_trainable

    model, _ = load_trainable(Job.read(folder))
    divided = [parameter for parameter in model.parameters() if hasattr(parameter, "ds_id")]
    counts = {
        "whole": sum(parameter.ds_numel for parameter in divided),
        "share": sum(parameter.ds_tensor.numel() for parameter in divided),
        "held": sum(parameter.numel() for parameter in model.parameters()),
        "dtypes": sorted({str(parameter.dtype) for parameter in model.parameters()}),
    }
    write_json(folder / f"share-{os.environ['RANK']}.json", counts)


if __name__ == "__main__":
    die_with_parent()
    load(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # as the processes of a launch end
