"""Log-probabilities of completion tokens, values and gradients, against a full float64 log-softmax over the vocabulary."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from families import tiny
from isogloss.errors import UserError
from isogloss.methods import log_probs
from isogloss.methods.log_probs import Squash, completion_log_probs, install_completion_forward
from tiny_models import FAMILIES, NUM_LAYERS


def batch() -> dict[str, torch.Tensor]:
    """Three rows of uneven length, completions anywhere, the second to its very end."""
    draw = torch.Generator().manual_seed(1)
    ids_BT = torch.randint(7, 290, (3, 30), generator=draw)
    real_BT = torch.ones_like(ids_BT)
    real_BT[1, 20:], real_BT[2, 25:] = 0, 0
    mask_BT = torch.zeros_like(ids_BT, dtype=torch.bool)
    mask_BT[0, 10:20], mask_BT[1, 5:20], mask_BT[2, 1:3] = True, True, True
    return {"input_ids": ids_BT, "attention_mask": real_BT, "completion_mask": mask_BT}


def trainable_copy(family: str) -> Any:
    return copy.deepcopy(tiny(family)[0]).double().requires_grad_(True).train()


def naive(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """One row at a time, without its padding; all logits."""
    values = []
    kinds = {"token_type_ids": 0} if model.config.model_type == "gemma3" else {}
    for ids_T, real_T, mask_T in zip(*inputs.values(), strict=True):
        row_1T = ids_T[real_T.bool()][None]
        logits_TV = model(input_ids=row_1T, **{name: torch.zeros_like(row_1T) for name in kinds}).logits[0]
        log_probs_TV = torch.log_softmax(logits_TV, dim=-1)
        values += [log_probs_TV[at - 1, ids_T[at]] for at in mask_T.nonzero()[:, 0].tolist()]
    return torch.stack(values)


@pytest.mark.parametrize("family", FAMILIES)
def test_values_and_all_gradients_equal_the_full_softmax(family: str) -> None:
    model, reference, inputs = trainable_copy(family), trainable_copy(family), batch()
    install_completion_forward(model)
    weights_N = torch.randn(27, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    # The models' own norms and rotations are in float32, and a padded row rounds in another place.
    near = {"rtol": 1e-5, "atol": 1e-5}

    out = model(**inputs)
    expected_N = naive(reference, inputs)
    (out.values_N * weights_N).sum().backward()
    (expected_N * weights_N).sum().backward()

    assert out.rows_N.tolist() == [0] * 10 + [1] * 15 + [2] * 2
    torch.testing.assert_close(out.values_N, expected_N, **near)
    compared = 0
    for (name, ours), (_, theirs) in zip(model.named_parameters(), reference.named_parameters(), strict=True):
        if theirs.grad is not None:
            assert ours.grad is not None, name
            torch.testing.assert_close(ours.grad, theirs.grad, **near, msg=name)
            compared += 1
    assert compared > 8 * NUM_LAYERS


@pytest.mark.parametrize("squash", [Squash(), Squash(softcap=3.0, scale=0.5), Squash(scale=2.0)])
@pytest.mark.parametrize("bias", [False, True])
def test_head_over_several_slices_and_parts(squash: Squash, bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_probs, "_SLICE_ON_PROCESSOR", 7)
    monkeypatch.setattr(log_probs, "_TOKENS", 3)
    draw = torch.Generator().manual_seed(3)
    hidden_ND = torch.randn(8, 5, dtype=torch.float64, generator=draw).requires_grad_()
    weight_VD = torch.randn(23, 5, dtype=torch.float64, generator=draw).requires_grad_()
    bias_V = torch.randn(23, dtype=torch.float64, generator=draw).requires_grad_() if bias else None
    targets_N = torch.randint(0, 23, (8,), generator=draw)

    def naively(hidden_ND: torch.Tensor, weight_VD: torch.Tensor, *more: torch.Tensor) -> torch.Tensor:
        logits_NV = hidden_ND @ weight_VD.T + (more[0] if more else 0)
        logits_NV = logits_NV * squash.scale
        if squash.softcap is not None:
            logits_NV = squash.softcap * torch.tanh(logits_NV / squash.softcap)
        return torch.log_softmax(logits_NV, dim=-1)[range(8), targets_N]

    inputs = (hidden_ND, weight_VD) if bias_V is None else (hidden_ND, weight_VD, bias_V)
    ours_N = completion_log_probs(hidden_ND, weight_VD, bias_V, targets_N, squash)
    expected_N = naively(*inputs)
    torch.testing.assert_close(ours_N, expected_N, rtol=0, atol=1e-12)
    scale_N = torch.randn(8, dtype=torch.float64, generator=draw)
    for ours, expected in zip(
        torch.autograd.grad((ours_N * scale_N).sum(), inputs),
        torch.autograd.grad((expected_N * scale_N).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)


class _Largest(TorchDispatchMode):
    """Remembers the most elements that any tensor had."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple) else (result,):
            if isinstance(tensor, torch.Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


def test_no_tensor_of_batch_time_and_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_probs, "_SLICE_ON_PROCESSOR", 64)
    model, inputs = trainable_copy("gemma3_text"), batch()
    install_completion_forward(model)
    with _Largest() as largest:
        model(**inputs).values_N.sum().backward()
    vocabulary = model.config.vocab_size
    assert largest.elements < inputs["input_ids"].numel() * vocabulary / 2
    assert largest.elements >= model.lm_head.weight.numel()


def test_the_hidden_states_of_a_layer_and_stopping_there() -> None:
    model, inputs = trainable_copy("gemma3_text"), batch()
    install_completion_forward(model)
    expected = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], output_hidden_states=True)
    ran: list[int] = []
    for place, block in enumerate(model.model.layers):
        block.register_forward_hook(lambda *_, place=place: ran.append(place))
    hooks = [len(block._forward_hooks) for block in model.model.layers]

    whole = model(**inputs, hidden_layer=2)
    assert ran == [0, 1, 2, 3]
    torch.testing.assert_close(whole.hidden_BTD, expected.hidden_states[2])
    assert whole.values_N.shape == (27,)

    del ran[:]
    stopped = model(**{**inputs, "completion_mask": None}, hidden_layer=2, stop_at_layer=True)
    assert ran == [0, 1]
    torch.testing.assert_close(stopped.hidden_BTD, whole.hidden_BTD)
    assert stopped.values_N is None
    assert [len(block._forward_hooks) for block in model.model.layers] == hooks
    with pytest.raises(UserError, match="it has layers 1 to 4"):
        model(**inputs, hidden_layer=5)


def test_gradient_checkpointing_changes_nothing() -> None:
    inputs = batch()
    gradients = []
    for checkpointing in (False, True):
        model = trainable_copy("gemma3_text")
        install_completion_forward(model)
        if checkpointing:
            model.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
        out = model(**inputs, hidden_layer=2)
        (out.values_N.sum() + out.hidden_BTD.sum()).backward()
        gradients.append(model.model.layers[0].self_attn.q_proj.weight.grad)
    assert torch.equal(*gradients)


def test_a_mask_without_a_token_still_hangs_on_the_whole_graph() -> None:
    model, inputs = trainable_copy("llama"), batch()
    install_completion_forward(model)
    out = model(**{**inputs, "completion_mask": torch.zeros_like(inputs["completion_mask"])})
    assert out.values_N.shape == (0,)
    out.values_N.sum().backward()
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in model.parameters())


def test_under_peft_and_autocast_and_installed_twice() -> None:
    from peft import LoraConfig, get_peft_model

    inputs = batch()
    expected_N = naive(trainable_copy("gemma3_text"), inputs).float()
    model = copy.deepcopy(tiny("gemma3_text")[0]).train()
    install_completion_forward(model)
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear"))
    install_completion_forward(adapted)
    with torch.autocast("cpu", torch.bfloat16):
        out = adapted(**inputs)
        plain = adapted(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
    assert out.values_N.dtype == torch.float32
    assert plain.logits.shape == (3, 30, model.config.vocab_size)
    torch.testing.assert_close(out.values_N, expected_N, rtol=0, atol=0.15)
    out.values_N.sum().backward()
    trained = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
    assert trained
    assert all(parameter.grad is not None for parameter in trained)
