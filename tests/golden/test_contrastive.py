"""The alignment loss against hand-computed values and a naive float64 version, and two processes against one."""

import math
import multiprocessing
import os

import pytest
import torch

from isogloss.errors import UserError
from isogloss.methods.midalign import alignment_loss, gather, info_nce, mean_pool, pool_mask

GENERATOR = torch.Generator().manual_seed(0)
SOURCES, TARGETS = torch.randn(2, 6, 5, generator=GENERATOR, dtype=torch.float64)


def naive(sources, targets, temperature):
    """The equation, one pair and one candidate at a time."""
    losses = []
    for i, source in enumerate(sources):
        cosines = [source @ target / (source.norm() * target.norm()) for target in targets]
        terms = [torch.exp(cosine / temperature) for cosine in cosines]
        losses.append(-torch.log(terms[i] / sum(terms)))
    return sum(losses) / len(losses)


def with_gradients(loss_of, *tensors):
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    loss = loss_of(*leaves)
    return loss.detach(), *torch.autograd.grad(loss, leaves)


def test_orthogonal_pairs_by_hand():
    pairs = torch.eye(2, dtype=torch.float64)
    # cos is 1 with the own translation, 0 with the other: −log(e / (e + 1)).
    assert float(alignment_loss(pairs, pairs, temperature=1.0)) == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-12)
    assert float(alignment_loss(pairs, pairs, temperature=0.1)) == pytest.approx(math.log(1 + math.exp(-10)), abs=1e-12)
    swapped = alignment_loss(pairs, pairs.flip(0), temperature=1.0)
    assert float(swapped) == pytest.approx(math.log(1 + math.e), abs=1e-12)


def test_figures_for_a_batch_of_sixteen():
    alike = torch.ones(16, 8, dtype=torch.float64)
    assert float(alignment_loss(alike, alike, temperature=1.0)) == pytest.approx(
        math.log(16)
    )  # 2.773: nothing told apart
    apart = torch.eye(16, dtype=torch.float64)
    assert float(alignment_loss(apart, apart, temperature=1.0)) == pytest.approx(1.875, abs=1e-3)


def test_direction_is_from_the_source_to_all_targets():
    sources = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    # Both targets lie on the first source: neither source can tell them apart, each target tells the sources apart.
    assert info_nce(sources, targets, temperature=1.0).tolist() == pytest.approx([math.log(2)] * 2)
    back = info_nce(targets, sources, temperature=1.0).tolist()
    assert back == pytest.approx([math.log(1 + math.exp(-1)), math.log(1 + math.e)])
    both = alignment_loss(sources, targets, temperature=1.0, direction="symmetric")
    assert float(both) == pytest.approx((math.log(2) + sum(back) / 2) / 2)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
@pytest.mark.parametrize("direction", ["one", "symmetric"])
def test_equals_the_naive_version_with_its_gradient(temperature, direction):
    def expected(sources, targets):
        there = naive(sources, targets, temperature)
        return there if direction == "one" else (there + naive(targets, sources, temperature)) / 2

    ours = with_gradients(
        lambda s, t: alignment_loss(s, t, temperature=temperature, direction=direction), SOURCES, TARGETS
    )
    for got, right in zip(ours, with_gradients(expected, SOURCES, TARGETS), strict=True):
        assert torch.allclose(got, right, atol=1e-10, rtol=0)


def test_bfloat16_states_are_compared_in_float32_even_under_autocast():
    sources, targets = SOURCES.bfloat16(), TARGETS.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = alignment_loss(sources, targets, temperature=0.1)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(naive(sources.double(), targets.double(), 0.1)), abs=1e-5)


def test_pool_is_the_mean_over_real_tokens():
    hidden = torch.tensor([[[1.0], [3.0], [100.0]], [[2.0], [4.0], [9.0]]])
    assert mean_pool(hidden, torch.tensor([[1, 1, 0], [1, 1, 1]])).tolist() == [[2.0], [5.0]]


@pytest.mark.parametrize(
    ("ids", "real", "without", "expected"),
    [
        ([2, 7, 8, 0], [1, 1, 1, 0], None, [True, True, True, False]),
        ([2, 7, 8, 0], [1, 1, 1, 0], 2, [False, True, True, False]),
        ([0, 2, 7, 8], [0, 1, 1, 1], 2, [False, False, True, True]),
        ([7, 2, 8, 0], [1, 1, 1, 0], 2, [True, True, True, False]),  # not the first token: no BOS
    ],
)
def test_what_enters_the_mean(ids, real, without, expected):
    assert pool_mask(torch.tensor([ids]), torch.tensor([real]), without=without).tolist() == [expected]


@pytest.mark.parametrize("negatives", ["gathered", "local"])
def test_a_batch_of_one_is_refused(negatives):
    with pytest.raises(UserError, match="one sentence pair"):
        alignment_loss(SOURCES[:1], TARGETS[:1], temperature=1.0, negatives=negatives)


# Several processes: a linear map stands for the model; its gradient is averaged over processes, as DDP and ZeRO do.

WEIGHT = torch.randn(5, 4, generator=GENERATOR, dtype=torch.float64)


def mapped_loss(rows, **settings):
    weight = WEIGHT.clone().requires_grad_()
    loss = alignment_loss(SOURCES[rows] @ weight, TARGETS[rows] @ weight, temperature=0.5, **settings)
    loss.backward()
    return loss.detach(), weight.grad


def one_of_several(rank, world, port, cuts, settings, results):
    import torch.distributed as dist

    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    store = dist.TCPStore("127.0.0.1", port, is_master=False)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world)
    loss, gradient = mapped_loss(slice(cuts[rank], cuts[rank + 1]), **settings)
    everyone = gather(SOURCES[cuts[rank] : cuts[rank + 1]])
    dist.all_reduce(gradient)
    dist.all_reduce(loss)
    results.put((rank, (loss / world).item(), (gradient / world).tolist(), everyone.tolist()))
    dist.destroy_process_group()


def on_several(cuts, **settings):
    """(loss, gradient) averaged over processes that hold the rows between `cuts`, and what each gathered."""
    from torch.distributed import TCPStore

    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    context = multiprocessing.get_context("spawn")
    results, world = context.SimpleQueue(), len(cuts) - 1
    started = [
        context.Process(target=one_of_several, args=(rank, world, store.port, cuts, settings, results), daemon=True)
        for rank in range(world)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
        assert process.exitcode == 0
    return [results.get() for _ in started]


@pytest.mark.parametrize("cuts", [(0, 3, 6), (0, 1, 6), (0, 1, 3, 6)])
def test_several_processes_equal_one_with_the_whole_batch(cuts):
    whole_loss, whole_gradient = mapped_loss(slice(0, 6), direction="symmetric")
    for _, loss, gradient, everyone in on_several(cuts, direction="symmetric"):
        assert loss == pytest.approx(float(whole_loss), abs=1e-12)
        assert torch.allclose(torch.tensor(gradient, dtype=torch.float64), whole_gradient, atol=1e-12, rtol=0)
        assert torch.equal(torch.tensor(everyone, dtype=torch.float64), SOURCES)


def test_local_negatives_are_those_of_the_process():
    cuts = (0, 2, 6)
    parts = [mapped_loss(slice(0, 2)), mapped_loss(slice(2, 6))]
    expected = sum(len_ / 6 * loss for len_, (loss, _) in zip((2, 4), parts, strict=True))
    gradient = sum(len_ / 6 * one for len_, (_, one) in zip((2, 4), parts, strict=True))
    for _, loss, got, _ in on_several(cuts, negatives="local"):
        assert loss == pytest.approx(float(expected), abs=1e-12)
        assert torch.allclose(torch.tensor(got, dtype=torch.float64), gradient, atol=1e-12, rtol=0)
