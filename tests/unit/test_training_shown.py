"""What a person sees of the stages that prepare training data and train: nothing left out of a file in silence, time left."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from isogloss.methods.job import FINAL
from isogloss.spec import PipelineSpec
from isogloss.spec.align import AlignSection
from isogloss.stages import align, corpus


@pytest.fixture
def stage(tmp_path):
    """Stands in for a stage's run; `said` is what it told, `shown` its progress."""
    found = SimpleNamespace(out=tmp_path, said=[], shown=[])

    @contextmanager
    def progress(total, title):
        found.shown.append((total, title))
        yield lambda done, note="": found.shown.append((done, note))

    found.progress, found.say = progress, found.said.append
    return found


def test_fields_that_the_corpus_leaves_out_of_files_are_said(stage, tmp_path):
    instructions, parallel = tmp_path / "mine.jsonl", tmp_path / "sentences.jsonl"
    row = {"id": "a", "prompt": {"en": "Hi?"}, "response": {"en": "Hi."}, "system": "Be kind."}
    instructions.write_text(json.dumps(row))
    parallel.write_text(json.dumps({"id": "a", "text": {"en": "Rain."}}))
    section = AlignSection(methods=("mist",), instructions=[instructions], parallel=[parallel])
    stage.spec = PipelineSpec(name="one", model="embedded", align=section)
    record = corpus.run(stage)
    left_out = f"{instructions}: field 'system' of 1 rows is not part of the format and was left out"
    assert stage.said == [f"corpus: {left_out}"]
    assert record.note.endswith(f"to train on. {left_out}.")


@pytest.mark.parametrize(("first", "expected"), [(1, (60, "training mist")), (51, (10, "training mist after step 50"))])
def test_progress_counts_the_steps_that_this_training_does(stage, tmp_path, monkeypatch, first, expected):
    """Also where their number follows from epochs, and where it goes on from a checkpoint."""
    lines = [{"step": step, "steps": 60, "loss": 2.0, "tokens_per_second": 1234.5} for step in (first, first + 1)]
    monkeypatch.setattr(align, "launch", lambda _job, on_step: [on_step(line) for line in lines])
    (tmp_path / FINAL).mkdir()
    align.train(SimpleNamespace(method="mist", folder=tmp_path), stage)
    assert stage.shown == [expected, *[(1, "loss 2.000, 1,234 tokens/s")] * 2]
