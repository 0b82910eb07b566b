"""Matrix products of float32 models on a processor by oneDNN instead of the BLAS that torch was built with.

On processors that the BLAS was not written for, its AVX-512 kernels stay unused: on an AMD Zen 5 core oneDNN does 215
GFLOP/s where MKL does 90. Both are float32 with float32 sums, in another order. torch takes oneDNN by itself for bfloat16.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class fast_linear(TorchFunctionMode):
    """Inside the context `torch.nn.functional.linear`, hence every `nn.Linear`, goes by oneDNN where that is possible:
    float32 on a processor, without gradients. Everything else is as outside."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Hand on every call but that of a product it can take over."""
        if func is torch.nn.functional.linear and not kwargs and _can_take_over(args[0], args[1]):
            bias = args[2] if len(args) > 2 else None
            return torch.ops.mkldnn._linear_pointwise(args[0], args[1], bias, "none", [], "")
        return func(*args, **(kwargs or {}))


def _can_take_over(input: torch.Tensor, weight: torch.Tensor) -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
        and type(input) is torch.Tensor
        and input.device.type == "cpu"
        and input.dtype is weight.dtype is torch.float32
        and weight.ndim == 2
        and input.numel() > 0
        and not (torch.is_grad_enabled() and (input.requires_grad or weight.requires_grad))
    )
