"""Kills, signals, damage and numbers that are none, in a training: the same command again ends as if nothing had been."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from isogloss.data.rows import write_rows
from isogloss.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_USER, UserError
from isogloss.files import damage, read_json
from isogloss.methods import callbacks, worker
from isogloss.methods import job as checkpoints
from isogloss.methods import launch as processes
from isogloss.methods.job import CHECKPOINTS, FINAL, LOG, SNAPSHOTS, Job
from isogloss.methods.launch import launch
from isogloss.methods.mist import MistTrainer
from isogloss.models.load import resolve
from isogloss.spec.align import LaunchSpec, LoraSection
from training_jobs import curve, instruction_rows, make_job, run_worker, tiny_folder

HERE = Path(__file__).parent
#: With dropout, so that the random numbers of a resumed training have to go on where they stopped.
SETTINGS: dict[str, dict[str, Any]] = {
    "lora": {"parameters": "lora", "lora": LoraSection(rank=4, dropout=0.2)},
    "full": {"parameters": "full"},
}


@pytest.fixture(scope="module", params=["lora", "full"])
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = make_job(tmp_path_factory.mktemp("undisturbed"), **SETTINGS[request.param])
    worker.work(job.folder)
    assert [line["step"] for line in curve(job)] == [1, 2, 3, 4, 5, 6]
    return job


def again(undisturbed: Job, folder: Path) -> Job:
    """The same training in another folder."""
    job = undisturbed.model_copy(update={"folder": folder / "job"})
    job.write()
    return job


def assert_same(job: Job, undisturbed: Job) -> None:
    assert curve(job) == curve(undisturbed)
    for folder in (FINAL, f"{SNAPSHOTS}/step-3"):
        assert damage(job.folder / folder) is None
        assert read_json(job.folder / folder / "manifest.json") == read_json(
            undisturbed.folder / folder / "manifest.json"
        )


def kill_in_step_4() -> None:
    check = callbacks.Guard.check_loss

    def checked(self: Any, loss: torch.Tensor, *, step: int, last: bool) -> None:
        check(self, loss, step=step, last=last)
        if step == 4:
            os.kill(os.getpid(), signal.SIGKILL)

    callbacks.Guard.check_loss = checked  # type: ignore[method-assign]


def kill_in_save_4() -> None:
    save = MistTrainer._save_rng_state

    def saved(self: Any, folder: str) -> None:
        if folder.endswith("checkpoint-4"):
            os.kill(os.getpid(), signal.SIGKILL)
        save(self, folder)

    MistTrainer._save_rng_state = saved  # type: ignore[method-assign]


def terminate_in_step_3() -> None:
    check = callbacks.Guard.check_loss

    def checked(self: Any, loss: torch.Tensor, *, step: int, last: bool) -> None:
        check(self, loss, step=step, last=last)
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    callbacks.Guard.check_loss = checked  # type: ignore[method-assign]


slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("undisturbed", "fault"),
    [
        ("lora", kill_in_step_4),
        ("full", kill_in_save_4),
        pytest.param("full", kill_in_step_4, marks=slow),
        pytest.param("lora", kill_in_save_4, marks=slow),
    ],
    indirect=["undisturbed"],
)
def test_killed_and_resumed(fault: Any, undisturbed: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = again(undisturbed, tmp_path)
    killed = run_worker(job, patch=f"test_training_faults.{fault.__name__}")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with (job.folder / LOG).open("a") as log:
        log.write('{"step": 4, "torn')

    worker.work(job.folder)
    assert_same(job, undisturbed)
    said = capsys.readouterr().err
    assert "resumed from checkpoint-2" in said
    aside = [path.name for path in (job.folder / CHECKPOINTS).iterdir() if "damaged" in path.name]
    if fault is kill_in_save_4:
        assert aside == ["checkpoint-4.damaged-1"]
        assert "checkpoint set aside as checkpoint-4.damaged-1" in said
        assert "no readable manifest.json" in said
    else:
        assert aside == []


@pytest.mark.parametrize("undisturbed", ["lora", pytest.param("full", marks=slow)], indirect=True)
def test_terminated_commits_and_resumes(undisturbed: Job, tmp_path: Path) -> None:
    job = again(undisturbed, tmp_path)
    stopped = run_worker(job, patch="test_training_faults.terminate_in_step_3")
    assert stopped.returncode == EXIT_INTERRUPTED, stopped.stderr
    assert "stopped after step 3 of 6; its checkpoint is kept" in stopped.stderr
    assert damage(job.folder / CHECKPOINTS / "checkpoint-3") is None
    assert not (job.folder / FINAL).exists()
    worker.work(job.folder)
    assert_same(job, undisturbed)


def stopped_at_5(undisturbed: Job, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A training that failed in step 5; it has checkpoints of steps 2 and 4."""
    job = again(undisturbed, folder)
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="step 5"):
        check = callbacks.Guard.check_loss

        def checked(self: Any, loss: torch.Tensor, *, step: int, last: bool) -> None:
            check(self, loss, step=step, last=last)
            if step == 5:
                raise RuntimeError("step 5")

        patch.setattr(callbacks.Guard, "check_loss", checked)
        worker.work(job.folder)
    return job


@pytest.mark.parametrize("file", ["optimizer.pt", "trainer_state.json", "manifest.json"])
def test_a_flipped_byte_sets_the_checkpoint_aside(
    file: str, undisturbed: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = stopped_at_5(undisturbed, tmp_path, monkeypatch)
    path = job.folder / CHECKPOINTS / "checkpoint-4" / file
    content = bytearray(path.read_bytes())
    content[0] ^= 0x01
    path.write_bytes(content)
    worker.work(job.folder)
    said = capsys.readouterr().err
    assert "checkpoint set aside as checkpoint-4.damaged-1" in said
    assert file in said
    assert "resumed from checkpoint-2" in said
    assert_same(job, undisturbed)


def test_nothing_valid_left_starts_anew(undisturbed: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = stopped_at_5(undisturbed, tmp_path, monkeypatch)
    for step in (2, 4):
        (job.folder / CHECKPOINTS / f"checkpoint-{step}" / "scheduler.pt").unlink()
    worker.work(job.folder)
    assert_same(job, undisturbed)


@pytest.mark.parametrize(("value", "micro_batch"), [(float("nan"), 6), (float("inf"), 2)])
def test_a_loss_that_is_no_number_stops_before_the_update(
    value: float, micro_batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(tmp_path)
    job = job.model_copy(update={"launch": job.launch.model_copy(update={"micro_batch": micro_batch})})
    job.write()
    compute, updates, bad = MistTrainer.compute_loss, [], []

    def computed(self: Any, model: Any, inputs: Any, **options: Any) -> torch.Tensor:
        loss = compute(self, model, inputs, **options)
        if self.state.global_step == 2 and not bad:
            bad.extend(self.entry_names[place] for place in inputs["index"].tolist())
            return loss * value
        return loss

    step = torch.optim.AdamW.step
    monkeypatch.setattr(MistTrainer, "compute_loss", computed)
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self, *a, **k: (updates.append(1), step(self, *a, **k))[1])
    assert worker.main([str(job.folder)]) == EXIT_USER
    said = capsys.readouterr().err
    assert len(updates) == 2
    assert f"error: step 3: the loss is {value}; stopped before the update" in said
    assert f"{job.folder / CHECKPOINTS / 'checkpoint-2'} is intact" in said
    assert f"Rows: {', '.join(bad)}. Lower train.learning_rate (now 0.01)" in said
    assert len(bad) == micro_batch
    assert damage(job.folder / CHECKPOINTS / "checkpoint-2") is None

    monkeypatch.setattr(MistTrainer, "compute_loss", compute)
    assert worker.main([str(job.folder)]) == EXIT_DONE
    assert [line["step"] for line in curve(job)] == [1, 2, 3, 4, 5, 6]


def test_a_gradient_that_is_no_number_stops_before_the_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(tmp_path)
    compute = MistTrainer.compute_loss
    before: list[torch.Tensor] = []

    def computed(self: Any, model: Any, inputs: Any, **options: Any) -> torch.Tensor:
        loss = compute(self, model, inputs, **options)
        if self.state.global_step == 1:
            weight = next(model.parameters())
            before.extend((weight, weight.detach().clone()))
            loss.register_hook(lambda gradient: gradient * float("nan"))
        return loss

    monkeypatch.setattr(MistTrainer, "compute_loss", computed)
    assert worker.main([str(job.folder)]) == EXIT_USER
    said = capsys.readouterr().err
    assert "step 2: the norm of the gradient is nan (the loss is finite); stopped before the update" in said
    assert "there was no checkpoint yet" in said
    assert torch.equal(before[0], before[1])


def test_other_settings_are_refused(undisturbed: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = stopped_at_5(undisturbed, tmp_path, monkeypatch)
    other = job.model_copy(update={"instructions_digest": "other"})
    other.write()
    assert worker.main([str(job.folder)]) == EXIT_USER


def test_finished_is_finished(undisturbed: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "job"
    shutil.copytree(undisturbed.folder, folder)
    undisturbed.model_copy(update={"folder": folder}).write()
    monkeypatch.setattr(checkpoints, "newest_valid", None)
    assert worker.main([str(folder)]) == EXIT_DONE
    assert worker.main([str(tmp_path)]) == EXIT_USER
    assert worker.main([]) == EXIT_USER


SHAPES = {
    "ddp": LaunchSpec(device="cpu", threads=1, processes=2),
    "zero-0": LaunchSpec(device="cpu", threads=1, processes=2, engine="deepspeed", zero=0),
    "zero-1": LaunchSpec(device="cpu", threads=1, processes=2, engine="deepspeed", zero=1),
    "zero-2": LaunchSpec(device="cpu", threads=1, processes=2, engine="deepspeed", zero=2),
    "zero-3": LaunchSpec(device="cpu", threads=1, processes=2, engine="deepspeed", zero=3),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_all_processes_stop_together_at_a_loss_that_is_no_number(shape: str, tmp_path: Path) -> None:
    """One row holds a character whose embedding is infinite; one of the two processes reads it."""
    base = shutil.copytree(tiny_folder("llama"), tmp_path / "base")
    model, tokenizer = (
        transformers.AutoModelForCausalLM.from_pretrained(base),
        transformers.AutoTokenizer.from_pretrained(base),
    )
    (token,) = tokenizer.encode("@", add_special_tokens=False)
    with torch.no_grad():
        model.model.embed_tokens.weight[token] = torch.inf
    model.save_pretrained(base)
    job = make_job(tmp_path, launch=SHAPES[shape]).model_copy(
        update={"model_name": str(base), "model_path": base, "model_digest": resolve(str(base)).digest}
    )
    rows = instruction_rows(12)
    rows[7] = rows[7].model_copy(update={"prompt": {**rows[7].prompt, "ko": "@"}})
    write_rows(job.instructions[0], rows)
    with pytest.raises(
        UserError, match=r"step \d+: the loss is nan; stopped before the update.*row/7 \(ko\)"
    ) as caught:
        launch(job)
    step = int(str(caught.value).split()[1].rstrip(":"))
    assert [line["step"] for line in curve(job)] == list(range(1, step))


#: A training process; in the third step rank 1's gradient is no number, behind a loss that is one. Counts later updates.
_BAD_GRADIENT = """
import torch
from isogloss.methods import worker
from isogloss.methods.mist import MistTrainer
compute, step, updates = MistTrainer.compute_loss, torch.optim.AdamW.step, []

def computed(self, model, inputs, **options):
    loss = compute(self, model, inputs, **options)
    if self.state.global_step == 2:
        updates.clear()
    if rank == 1 and self.state.global_step == 2:
        loss.register_hook(lambda gradient: gradient * float("VALUE"))
    return loss

def updated(self, *arguments, **options):
    updates.append(1)
    return step(self, *arguments, **options)

MistTrainer.compute_loss, torch.optim.AdamW.step = computed, updated
code = worker.main([str(folder)])
(folder / f"updates-{rank}").write_text(str(len(updates)))
sys.stderr.flush()
os._exit(code)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "value", "dtype"),
    [
        ("ddp", "nan", "float32"),
        ("zero-0", "inf", "float32"),
        ("zero-1", "nan", "float32"),
        ("zero-2", "nan", "bfloat16"),
        ("zero-2", "inf", "float32"),
        ("zero-3", "nan", "float32"),
        ("zero-3", "inf", "bfloat16"),
    ],
)
def test_all_processes_stop_together_at_a_gradient_that_is_no_number(
    shape: str, value: str, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(tmp_path, launch=SHAPES[shape], dtype=dtype)
    (job.folder / "script.py").write_text(_BAD_GRADIENT.replace("VALUE", value), encoding="utf-8")
    monkeypatch.setattr(processes, "ENTRY", "fake_worker")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(worker.__file__).parents[2]), str(HERE.parent)]))
    stopped = r"^step 3: the norm of the gradient is (nan|inf) \(the loss is finite\); stopped before the update, "
    with pytest.raises(UserError, match=stopped) as caught:
        launch(job)
    intact = job.folder / CHECKPOINTS / "checkpoint-2"
    assert f"{intact} is intact" in str(caught.value)
    assert damage(intact) is None
    named = str(caught.value).partition("Rows: ")[2].partition(". Lower")[0].split(", ")
    assert len(named) == job.train.batch, "of both processes"
    for rank in (0, 1):
        assert str(caught.value) in (job.folder / "workers" / f"{rank}.log").read_text(encoding="utf-8")
        assert (job.folder / f"updates-{rank}").read_text() == "0"
    assert [line["step"] for line in curve(job)] == [1, 2]


@pytest.mark.slow
def test_two_processes_killed_go_on_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings: dict[str, Any] = {"parameters": "lora", "steps": 150, "learning_rate": 1e-3, "save_every": 10}
    alone = make_job(tmp_path / "alone", **settings)
    worker.work(alone.folder)
    together = make_job(tmp_path / "together", **settings, launch=SHAPES["ddp"])
    assert together.digest == alone.digest

    def kill(line: dict[str, Any]) -> None:
        if line["step"] > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        launch(together, on_step=kill)
    assert not (together.folder / FINAL).exists()
    worker.work(again(alone, tmp_path / "together").folder)
    assert "resumed from checkpoint-" in capsys.readouterr().err
    for ours, theirs in zip(curve(together), curve(alone), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
