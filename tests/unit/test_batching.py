"""Batches under a token budget, and rows as rectangles."""

import pytest
import torch

from isogloss.models.forward import causal_mask, length_sorted_batches, pad


@pytest.mark.parametrize("budget", [1, 7, 64, 10_000])
def test_every_row_once_and_no_batch_over_the_budget(budget):
    lengths = [5, 1, 9, 9, 3, 30, 2, 2, 8]
    batches = list(length_sorted_batches(lengths, token_budget=budget))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[index] for index in batch) * len(batch) <= budget


def test_the_longest_first_and_equals_in_their_order():
    assert list(length_sorted_batches([2, 5, 2, 5], token_budget=10)) == [[1, 3], [0, 2]]
    assert list(length_sorted_batches([], token_budget=10)) == []


def test_a_budget_is_used_up():
    assert list(length_sorted_batches([4, 4, 4, 4], token_budget=8)) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding(side):
    padded = pad([[5, 6, 7], [8]], pad_id=0, side=side)
    assert padded.ids.tolist() == [[5, 6, 7], [0, 0, 8] if side == "left" else [8, 0, 0]]
    assert padded.real.tolist() == [[True] * 3, [False, False, True] if side == "left" else [True, False, False]]
    assert padded.offset == ((0, 2) if side == "left" else (0, 0))


def test_a_real_token_may_be_the_pad_token():
    assert pad([[0, 0], [0]], pad_id=0).real.tolist() == [[True, True], [True, False]]


def test_the_causal_mask_hides_what_follows_and_padding():
    mask = causal_mask(torch.tensor([[True, True, False]]))
    assert mask[0].tolist() == [[True, False, False], [True, True, False], [True, True, False]]
