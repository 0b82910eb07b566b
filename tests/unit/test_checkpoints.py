"""Which checkpoint counts, which are set aside, and which training may resume it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isogloss.errors import UserError
from isogloss.files import seal
from isogloss.methods.callbacks import Guard, StepLog, TrainingError, cut_back, read_log
from isogloss.methods.job import CHECKPOINTS, FINAL, Job, finished, newest_valid, seal_checkpoint
from isogloss.methods.trainer import check_steps
from isogloss.spec.align import LaunchSpec, LoraSection
from training_jobs import make_job


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path)


def saved(job: Job, step: int, *, sealed: bool = True, processes: int = 1) -> Path:
    folder = job.folder / CHECKPOINTS / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "optimizer.pt").write_bytes(bytes([step]))
    if sealed:
        seal_checkpoint(folder, job=job, processes=processes)
    return folder


def names(job: Job) -> list[str]:
    return sorted(path.name for path in (job.folder / CHECKPOINTS).iterdir())


def test_the_newest_two_are_kept_by_step(job: Job) -> None:
    for step in (8, 9, 10, 11):
        saved(job, step)
    assert names(job) == ["checkpoint-10", "checkpoint-11"]
    assert newest_valid(job, processes=1) == job.folder / CHECKPOINTS / "checkpoint-11"


def test_none_is_none(job: Job) -> None:
    assert newest_valid(job, processes=1) is None


def test_unfinished_and_damaged_ones_are_set_aside(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = saved(job, 2), saved(job, 4)
    saved(job, 6, sealed=False)
    (bad / "optimizer.pt").write_bytes(b"x")
    assert newest_valid(job, processes=1) == good
    assert names(job) == ["checkpoint-2", "checkpoint-4.damaged-1", "checkpoint-6.damaged-1"]
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("checkpoint set aside as checkpoint-6.damaged-1: ")
    assert said[1].endswith("optimizer.pt: content differs from its sha256 in the manifest")

    again = saved(job, 4)
    (again / "optimizer.pt").unlink()
    assert newest_valid(job, processes=1) == good
    assert "checkpoint-4.damaged-2" in names(job)


def test_other_settings_engines_and_numbers_of_processes(job: Job, tmp_path: Path) -> None:
    saved(job, 2, processes=2)
    assert newest_valid(job, processes=3) is not None, "plain PyTorch goes on with the same rows in each step"
    other = make_job(tmp_path, learning_rate=0.5)
    with pytest.raises(UserError, match="was made with other settings, data or model"):
        newest_valid(other, processes=2)
    zero = job.model_copy(update={"launch": LaunchSpec(engine="deepspeed", zero=2)})
    with pytest.raises(UserError, match="written by engine none, and the launch shape now asks for zero-2"):
        newest_valid(zero, processes=2)


def test_shards_fit_their_number_of_processes(job: Job) -> None:
    zero = job.model_copy(update={"launch": LaunchSpec(engine="deepspeed", zero=3)})
    saved(zero, 2, processes=2)
    assert newest_valid(zero, processes=2) is not None
    with pytest.raises(
        UserError, match="holds the zero-3 shards of 2 processes and cannot be resumed on 4; launch on 2"
    ):
        newest_valid(zero, processes=4)


def test_dropout_is_not_resumed_on_another_number_of_processes(tmp_path: Path) -> None:
    job = make_job(tmp_path, parameters="lora", lora=LoraSection(dropout=0.1))
    saved(job, 2, processes=2)
    with pytest.raises(UserError, match="the random numbers of 1 would differ; launch on 2"):
        newest_valid(job, processes=1)


def test_final_counts_when_whole_and_of_the_job(job: Job, tmp_path: Path) -> None:
    folder = job.folder / FINAL
    assert not finished(job)
    folder.mkdir()
    (folder / "weights").write_text("w")
    seal(folder, job=job.digest)
    assert finished(job)
    assert not finished(make_job(tmp_path, learning_rate=0.5))
    (folder / "weights").write_text("v")
    assert not finished(job)


def test_the_log_is_cut_back(job: Job) -> None:
    log = StepLog(job, writes=True)
    log.begin(0)
    for step in (1, 2, 3):
        log.write(step, steps=9, tokens=50, parts={"sft": 0.5} if step == 1 else {}, loss=1.0 / step)
    assert log.path is not None
    with log.path.open("a") as file:
        file.write('{"step": 4')
    assert [line["step"] for line in read_log(log.path)] == [1, 2, 3]
    cut_back(log.path, 2)
    first, second = (json.loads(line) for line in log.path.read_text().splitlines())
    assert first.pop("seconds") >= 0
    assert first.pop("tokens_per_second") > 0
    assert first == {"step": 1, "steps": 9, "loss": 1.0, "parts": {"sft": 0.5}, "tokens": 50}
    assert second["step"] == 2


def test_only_the_first_process_writes_the_log(job: Job) -> None:
    log = StepLog(job, writes=False)
    log.begin(0)
    log.write(1, steps=1, tokens=1, parts={}, loss=1.0)
    assert not (job.folder / "log.jsonl").exists()


def test_checks_are_evenly_spaced_and_the_last_is_final() -> None:
    assert check_steps(100, 4) == [25, 50, 75]
    assert check_steps(10, 3) == [3, 7]
    assert check_steps(2, 4) == [1]
    assert check_steps(100, 1) == check_steps(100, 0) == check_steps(1, 4) == []


def test_the_guard_names_the_rows_of_the_bad_micro_batches_alone() -> None:
    import torch

    guard = Guard(learning_rate=0.1)
    guard.begin(["a", "b"])
    guard.check_loss(torch.tensor(1.0), step=7, last=False)
    guard.begin(["c"])
    guard.check_loss(torch.tensor(float("-inf")), step=7, last=False)
    guard.begin(["d"])
    with pytest.raises(TrainingError, match=r"step 7: the loss is -inf; .* Rows: c\. Lower") as caught:
        guard.check_loss(torch.tensor(1.0), step=7, last=True)
    assert caught.value.exit_code == 2


def test_the_guard_forgets_a_step_that_was_good() -> None:
    import torch

    guard = Guard(learning_rate=0.1)
    for step in (1, 2):
        guard.begin([f"row {step}"])
        guard.check_loss(torch.tensor(1.0), step=step, last=True)
        if step == 1:
            guard.check_gradient(torch.tensor(3.0), step=step)
    with pytest.raises(TrainingError, match=r"gradient is inf .* Rows: row 2\."):
        guard.check_gradient(float("inf"), step=2)
