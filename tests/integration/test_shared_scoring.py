"""Scoring shared by processes: the same bytes as one process writes, on a tiny model and two real processes."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from isogloss.data.rows import ChoiceItem
from isogloss.errors import RefusedError
from isogloss.models.load import load_model
from isogloss.spec import PipelineSpec
from isogloss.stages import parallel
from isogloss.stages.parallel import score_conditions
from isogloss.steering.intervention import single, surgical
from isogloss.steering.vectors import Header, SteeringVectors
from small_data import small_items
from tiny_models import HIDDEN_SIZE, NUM_LAYERS
from training_jobs import tiny_folder

LANGUAGES = ("es", "ko")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(parallel, "_PART", 8)


def stage_in(folder, *, processes):
    """What score_conditions reads of a stage; `advanced` sums up its progress, `said` to whom shares went."""
    folder.mkdir()
    (folder / "shape.yaml").write_text(f"processes: {processes}\ndevice: cpu\nscoring: true\n", encoding="utf-8")
    align = {"launch": folder / "shape.yaml"} if processes > 1 else {}
    stage = SimpleNamespace(
        work=folder, advanced=0,
        spec=PipelineSpec.model_validate({"name": "a", "model": "m", "align": align}),
        model=lambda: load_model(str(tiny_folder("gemma3_text"))),
    )  # fmt: skip

    @contextmanager
    def progress(total, _label):
        stage.total = total

        def advance(done, note=""):
            stage.advanced += done

        yield advance

    stage.progress = progress
    return stage


def interventions(digest):
    def vectors(kind, seed):
        generator = torch.Generator().manual_seed(seed)
        ones = dict.fromkeys(LANGUAGES, (1.0,) * NUM_LAYERS)
        header = Header(
            kind=kind, model="tiny", model_digest=digest, num_layers=NUM_LAYERS, hidden_size=HIDDEN_SIZE, token="last",
            scoring="cloze", pairs=dict.fromkeys(LANGUAGES, 1), data_digest="0" * 64, norms=ones, residual_norms=ones,
        )  # fmt: skip
        return SteeringVectors(
            header, {one: torch.randn(NUM_LAYERS, HIDDEN_SIZE, generator=generator) for one in LANGUAGES}
        )

    en, loc = single(vectors("en", 0), layer=2, gamma=0.5), single(vectors("loc", 1), layer=3, gamma=1.0)
    return {"en": en, "sur": surgical(en, loc)}


def test_two_processes_write_the_bytes_of_one(tmp_path, monkeypatch):
    items = [ChoiceItem.model_validate(row) for row in small_items(groups=4, splits=("test",))]
    digest = load_model(str(tiny_folder("gemma3_text"))).digest
    started = []
    begin = parallel._start
    monkeypatch.setattr(parallel, "_start", lambda others, *rest: [started.append(others), begin(others, *rest)])
    torch.set_num_threads(1)
    alone, together = stage_in(tmp_path / "one", processes=1), stage_in(tmp_path / "two", processes=2)
    expected = score_conditions(alone, "test", items, interventions(digest))
    assert started == []
    found = score_conditions(together, "test", items, interventions(digest))
    assert len(started) == 1
    assert started[0].codes() == {1: 0}
    assert found == expected
    files = sorted(path.name for path in alone.work.glob("test-*.jsonl"))
    assert len(files) == 3 * 3  # three parts, three conditions
    for name in files:
        assert (together.work / name).read_bytes() == (alone.work / name).read_bytes(), name
    assert alone.advanced == alone.total == together.advanced == together.total

    # What is there is not scored again, and nobody is started for it.
    (together.work / files[0]).unlink()
    score_conditions(together, "test", items, interventions(digest))
    assert len(started) == 1
    assert (together.work / files[0]).read_bytes() == (alone.work / files[0]).read_bytes()


@pytest.mark.slow
def test_a_message_of_another_process_is_told(tmp_path, monkeypatch):
    items = [ChoiceItem.model_validate(row) for row in small_items(groups=4, splits=("test",))]
    write = parallel._write_task

    def write_wrong(folder, *given):
        write(folder, *given)
        path = folder / parallel.TASK
        path.write_text(path.read_text().replace('"digest": "', '"digest": "not '), encoding="utf-8")

    monkeypatch.setattr(parallel, "_write_task", write_wrong)
    with pytest.raises(RefusedError, match="the model's files changed while it was being scored"):
        score_conditions(stage_in(tmp_path / "two", processes=2), "test", items)
