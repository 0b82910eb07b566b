"""GPUs by name: memory, speed, links; and what share of the peak is assumed to be reached.

Memory is what a program can have, in GiB; speed the makers' dense bfloat16 peak in TFLOP/s; `link` GB/s between the GPUs of
a machine, one way (NVLink, or PCIe where there is none).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from isogloss.errors import UserError

#: Shares of the peak that training and scoring are assumed to reach.
TRAINING_SHARE, SCORING_SHARE = 0.30, 0.25
#: GB/s that a GPU has to other machines (400 Gbit/s), and that a machine's processors reach in their memory.
NETWORK, HOST_MEMORY = 50.0, 100.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """A kind of GPU. `teraflops` without native bfloat16 are those of float32."""

    name: str
    gib: float
    teraflops: float
    link: float
    bfloat16: bool = True

    @property
    def bytes(self) -> float:
        """Its memory in bytes."""
        return self.gib * 2**30


GPUS = (
    Gpu("B200", 178, 2250, 750),
    Gpu("H200", 139, 989, 350),
    Gpu("H100", 79, 989, 350),
    Gpu("A100-80", 79, 312, 230),
    Gpu("A100-40", 39, 312, 230),
    Gpu("L40S", 44, 362, 20),
    Gpu("A10G", 22, 70, 12),
    Gpu("RTX-4090", 23.5, 165, 20),
    Gpu("RTX-3090", 23.5, 71, 12),
    Gpu("V100-32", 31, 15.7, 100, bfloat16=False),
    Gpu("T4", 14.6, 8.1, 12, bfloat16=False),
)
#: What is planned for where GPUs are asked for and none is named or here.
ASSUMED = "H100"


def gpu_named(name: str) -> Gpu:
    """The GPU that a person means: case, spaces and dashes do not matter. Raises UserError with the known names."""
    wanted = _plain(name)
    for gpu in GPUS:
        if wanted == _plain(gpu.name) or (wanted == "a100" and gpu.name == "A100-80"):
            return gpu
    close = difflib.get_close_matches(wanted, {_plain(gpu.name): gpu for gpu in GPUS}, n=1, cutoff=0.6)
    meant = next((f" (did you mean '{gpu.name}'?)" for gpu in GPUS if close and _plain(gpu.name) == close[0]), "")
    raise UserError(f"--gpu {name}: not in the table{meant}; it has {', '.join(gpu.name for gpu in GPUS)}")


def gpu_here() -> tuple[Gpu, int] | None:
    """The GPUs of this machine as the driver names them, and how many; None without, or for one that is not in the table."""
    import torch

    if not torch.cuda.is_available():
        return None
    name, gib = torch.cuda.get_device_name(0), torch.cuda.get_device_properties(0).total_memory / 2**30
    for gpu in GPUS:
        family = _plain(gpu.name.partition("-")[0] if gpu.name.startswith(("A100", "V100")) else gpu.name)
        if family in _plain(name) and gib >= 0.9 * gpu.gib:
            return gpu, torch.cuda.device_count()
    return None


def _plain(name: str) -> str:
    return re.sub(r"nvidia|geforce|gb$|[\W_]", "", name.lower())
