"""ZeRO-3 from the first weight on: a process keeps its share of the model that is read, and never holds the whole.

transformers builds a model inside DeepSpeed's `zero.Init` where it finds DeepSpeed's settings alive: each parameter is
divided among the processes as soon as it is made, rank 0 alone reads the files, and one parameter after the other is
whole for as long as its values are handed out. `model.parameters()` are then empty placeholders until they are gathered.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from isogloss.methods.engine import deepspeed_config
from isogloss.methods.job import Job
from isogloss.models.adapters import is_adapter


def loads_sharded(job: Job) -> bool:
    """Whether the job's model is divided among its processes while it is read.

    Not where it is itself an adapter over a base: these are merged at loading, which needs both as a whole.
    """
    return job.launch.engine == "deepspeed" and job.launch.zero == 3 and not is_adapter(job.model_path)


@contextmanager
def loading_sharded(job: Job) -> Iterator[str]:
    """Within, models are read divided among the processes, which all enter. Gives the device that takes this one's share.

    Call it before the training arguments are built: these put settings of their own in the place of the ones here.
    """
    import deepspeed
    from deepspeed.accelerator import get_accelerator
    from transformers.integrations.deepspeed import HfDeepSpeedConfig, unset_hf_deepspeed_config

    settings = deepspeed_config(job)
    assert settings is not None
    on_gpu = torch.cuda.is_available()
    device = get_accelerator().device_name(int(os.environ["LOCAL_RANK"])) if on_gpu else "cpu"
    if on_gpu:
        torch.cuda.set_device(device)
    deepspeed.init_distributed("nccl" if on_gpu else "gloo", auto_mpi_discovery=False, verbose=False)
    # The sizes of batches, which the Trainer fills in later, mean nothing for loading; DeepSpeed asks for them even so.
    sizes = {"train_micro_batch_size_per_gpu": 1, "gradient_accumulation_steps": 1}
    given = {name: value for name, value in settings.items() if name != "train_batch_size"}
    alive = HfDeepSpeedConfig({**given, **sizes})  # transformers refers to it weakly
    try:
        yield device
    finally:
        unset_hf_deepspeed_config()
        del alive


def settle(model: Any) -> None:
    """Leave a model that was read divided as a whole one is left; every process calls it."""
    # transformers undoes at saving what it renamed at loading. Here it has noted every renaming that the architecture
    # knows, also those that met no name of the file: undone they would give names that nothing loads.
    renamed = getattr(model, "_weight_conversions", None) or []
    model._weight_conversions = [one for one in renamed if one.was_used()]
    gc.collect()  # a head tied to the embeddings had parameters of its own, which refer to themselves


@contextmanager
def gathered_in_forward(model: nn.Module) -> Iterator[None]:
    """Within, `model` computes although it is divided: each module's own parameters are whole during its forward.

    For a few tokens before an engine is there to do it. Every process runs the same forwards, without gradients.
    """
    from deepspeed.runtime.zero import GatheredParameters

    whole: dict[nn.Module, Any] = {}

    def gather(module: nn.Module, _inputs: Any) -> None:
        with torch.inference_mode(mode=False):  # or what is gathered could not be put into the parameter
            whole[module] = GatheredParameters(list(module.parameters(recurse=False)))
            whole[module].__enter__()

    def release(module: nn.Module, _inputs: Any, _output: Any) -> None:
        with torch.inference_mode(mode=False):
            whole.pop(module).__exit__(None, None, None)

    hooks = []
    for module in model.modules():
        if next(module.parameters(recurse=False), None) is not None:
            hooks += [module.register_forward_pre_hook(gather), module.register_forward_hook(release)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
