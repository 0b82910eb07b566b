"""Memory of a training as its tensors take it: every storage counted from the operation that shows it first to its end.

What `torch.cuda.max_memory_allocated` says of a GPU, for a processor, without what the interpreter, libraries and the heap's
holes take. `python -m live_bytes FOLDER` is a training process (isogloss.methods.worker) that writes `live-RANK.json`
beside its job: bytes and the highest bytes so far at each mark (see `MARKS`).
"""

from __future__ import annotations

import gc
import json
import os
import sys
import weakref
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

#: Before a micro-batch; between its forward and its backward; behind its backward (and DeepSpeed's update); behind a step.
MARKS = ("begin", "forward", "backward", "step")


class LiveBytes(TorchDispatchMode):
    """A context. `now` are the bytes of the storages seen and still alive, `peak` the highest since `mark`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: dict[int, Any] = {}
        self.marks: list[dict[str, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for one in tree_iter((args, kwargs, result)):
            if isinstance(one, torch.Tensor) and one.device.type != "meta":
                self.see(one.untyped_storage())
        return result

    def see(self, storage: Any) -> None:
        """Count a storage, once, until it ends."""
        key, size = storage._cdata, storage.nbytes()
        if key in self._known or size == 0:
            return

        def ended(_reference: Any) -> None:
            del self._known[key]
            self.now -= size

        self._known[key] = weakref.ref(storage, ended)
        self.now += size
        self.peak = max(self.peak, self.now)

    def mark(self, name: str) -> None:
        """Note where we are, and look for the next peak."""
        gc.collect()
        self.marks.append({"mark": name, "now": self.now, "peak": self.peak})
        self.peak = self.now


def watch(live: LiveBytes) -> None:
    """Put the marks into every method's trainer."""
    from isogloss.methods import clo, midalign, mist
    from isogloss.methods.trainer import Footing, _Steps

    training_step, on_step_end = Footing.training_step, _Steps.on_step_end

    def watched_step(self: Any, *args: Any, **options: Any) -> Any:
        live.mark("begin")
        loss = training_step(self, *args, **options)
        live.mark("backward")
        return loss

    def watched_end(self: Any, *args: Any, **options: Any) -> Any:
        live.mark("step")
        return on_step_end(self, *args, **options)

    Footing.training_step, _Steps.on_step_end = watched_step, watched_end  # type: ignore[method-assign]
    for trainer in (mist.MistTrainer, clo.CloTrainer, midalign.MidalignTrainer):
        compute = trainer.compute_loss

        def watched_loss(self: Any, *args: Any, compute: Any = compute, **options: Any) -> Any:
            loss = compute(self, *args, **options)
            live.mark("forward")
            return loss

        trainer.compute_loss = watched_loss  # type: ignore[method-assign]


def main(folder: Path) -> int:
    """Train the job in `folder` under the count."""
    from isogloss.methods import worker

    live = LiveBytes()
    watch(live)
    with live:
        code = worker.main([str(folder)])
    (folder / f"live-{os.environ.get('RANK', '0')}.json").write_text(json.dumps(live.marks), encoding="utf-8")
    return code


if __name__ == "__main__":
    ended = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended)
