"""Peak host memory of capturing states and of each analysis: `python benchmarks/states.py [--figure FILE] [--full DIR]`.

Small real runs on random models, each in a process of its own: against the number of items, against the number of layers,
and on the embedded model. What is shown is the peak resident memory above that of the loaded model. `--full` measures the
size of a 12-billion-parameter model as it is: capture of 10,000 prompts through 48 layers 3,840 wide (blocks with thin
insides, so that a processor can run them) into DIR, which takes 15 GB of disk for a while, and one layer of it through
each analysis.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

LANGUAGES = ("en", "es", "id", "ko", "el", "zh", "ar")
ITEMS = (350, 1_400, 2_800, 5_600)
LAYERS = (4, 8, 16, 32)
WIDTH = 256
_MIB = 2**20
HELD = "all states at once"
COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#777777"]


def resident(field: str) -> float:
    """MiB of this process: `VmRSS` now, `VmHWM` at its peak. Unlike getrusage's, the peak is not the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def made_up_prompts(count: int) -> list[Any]:
    """Questions in seven languages, as rows and texts of about twelve bytes."""
    from isogloss.analysis.capture import Prompt, StateRow

    prompts = []
    for index in range(count):
        number, place = divmod(index, len(LANGUAGES))
        language, question = LANGUAGES[place], f"q{number:05d}"
        row = StateRow(f"{question}/{language}", question, language, "transfer", question, f"kind {number % 11}")
        prompts.append(Prompt(f"{question} {language}?", row))
    return prompts


class Bytes:
    """A tokenizer of bytes."""

    pad_token_id, all_special_ids = 0, (0,)

    def encode(self, text: str) -> list[int]:
        return [byte % 255 + 1 for byte in text.encode()]


def thin_model(*, layers: int, width: int) -> Any:
    """A random Llama as deep and wide as asked, with thin attention and feed-forward inside."""
    import torch
    import transformers as hf

    torch.manual_seed(0)
    config = hf.LlamaConfig(
        vocab_size=256,
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=512,
    )
    return hf.LlamaForCausalLM(config).eval().requires_grad_(False)


def capture_thin(folder: Path, *, items: int, layers: int, width: int) -> float:
    """Capture into `folder`; MiB of the peak above the loaded model."""
    from isogloss.analysis.capture import capture_states

    model, prompts = thin_model(layers=layers, width=width), made_up_prompts(items)
    before = resident("VmRSS")
    capture_states(model, Bytes(), prompts, folder=folder)
    return resident("VmHWM") - before


def write_random(folder: Path, *, items: int, layers: int, width: int) -> None:
    """A states folder of random values in which questions and languages play a part."""
    from isogloss.analysis.capture import file_of, write_header
    from isogloss.files import sealed_folder

    rows = [prompt.row for prompt in made_up_prompts(items)]
    rng = np.random.default_rng(0)
    meaning = rng.normal(size=(items // len(LANGUAGES) + 1, width)).astype(np.float32)
    with sealed_folder(folder, kind="states") as aside:
        (aside / "none").mkdir()
        for layer in range(1, layers + 1):
            for read in ("last", "mean"):
                values = rng.normal(size=(items, width)).astype(np.float32)
                values += np.repeat(meaning, len(LANGUAGES), axis=0)[:items]
                np.save(file_of(aside, "none", layer, read), values)
        write_header(
            aside,
            rows=rows,
            layers=range(1, layers + 1),
            width=width,
            reads=("last", "mean"),
            first_layers={"none": None},
        )


def analyse(folder: Path, *, name: str, layers: tuple[int, ...] | None = None) -> float:
    """One analysis of the states in `folder`; MiB of the peak above what its imports take."""
    from isogloss.analysis.capture import load_states
    from isogloss.analysis.convergence import convergence
    from isogloss.analysis.pca import pca
    from isogloss.analysis.retrieval import retrieval
    from isogloss.results.analyses import Panel

    panel = Panel(model="unaligned", label="Unaligned")
    states = load_states(folder)["none"]
    work: dict[str, Callable[[], Any]] = {
        "pca": lambda: pca([(panel, states)], layers=layers),
        "convergence": lambda: convergence(states, panel=panel, axis="transfer", layers=layers),
        "retrieval": lambda: retrieval(states, panel=panel, axis="transfer", layers=layers),
    }
    before = resident("VmRSS")
    work[name]()
    return resident("VmHWM") - before


def capture_embedded(folder: Path, *, items: int) -> float:
    """Capture of the embedded benchmark's questions by the embedded model."""
    from isogloss.analysis.capture import capture_states, item_prompts
    from isogloss.data.benchmark.benchmark import build_benchmark
    from isogloss.models.load import load_model
    from isogloss.scoring.prompts import prompt_of

    chosen = [item for item in build_benchmark(seed=0) if item.axis == "transfer"][:items]
    loaded = load_model("embedded")
    prompts = item_prompts(chosen, lambda item, question: prompt_of(item, "cloze", question=question))
    # Weights are mapped from the disk: read them all before measuring.
    capture_states(loaded.model, loaded.tokenizer, prompts[:7], folder=folder)
    before = resident("VmRSS")
    capture_states(loaded.model, loaded.tokenizer, prompts, folder=folder)
    return resident("VmHWM") - before


def _child(send: Any, work: Callable[..., float], folder: Path, settings: dict[str, Any]) -> None:
    started = time.perf_counter()
    peak = work(folder, **settings)
    send.send((peak, time.perf_counter() - started))


def measured(work: Callable[..., float], folder: Path, **settings: Any) -> dict[str, Any]:
    """Run in a fresh process; its peak (MiB) and seconds, printed and returned."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(send, work, folder, settings))
    process.start()
    send.close()
    peak, seconds = receive.recv()
    process.join()
    row = {"what": settings.get("name", work.__name__), **settings, "mib": round(peak, 1), "seconds": round(seconds, 1)}
    print(json.dumps(row), flush=True)
    return row


def small_runs(scratch: Path) -> list[dict[str, Any]]:
    """Memory against items at few layers, and against layers at few items."""
    rows = []
    sizes = [(items, LAYERS[0]) for items in ITEMS] + [(ITEMS[1], layers) for layers in LAYERS[1:]]
    for items, layers in sizes:
        with TemporaryDirectory(dir=scratch) as folder:
            captured = measured(capture_thin, Path(folder) / "captured", items=items, layers=layers, width=WIDTH)
            rows.append({**captured, "what": "capture"})
            write_random(Path(folder) / "states", items=items, layers=layers, width=WIDTH)
            for name in ("pca", "convergence", "retrieval"):
                row = measured(analyse, Path(folder) / "states", name=name)
                rows.append({**row, "items": items, "layers": layers})
    return rows


def full_size(scratch: Path, *, items: int = 10_000, layers: int = 48, width: int = 3_840) -> list[dict[str, Any]]:
    """48 layers × 3,840 × 10,000 prompts, captured; then a layer of random values of that size through each analysis."""
    rows = []
    with TemporaryDirectory(dir=scratch) as folder:
        captured = measured(capture_thin, Path(folder) / "captured", items=items, layers=layers, width=width)
        rows.append({**captured, "what": "capture"})
    with TemporaryDirectory(dir=scratch) as folder:
        write_random(Path(folder) / "states", items=items, layers=1, width=width)
        rows += [
            measured(analyse, Path(folder) / "states", name=name, layers=(1,))
            for name in ("pca", "convergence", "retrieval")
        ]
    return [{**row, "items": items, "layers": layers, "width": width} for row in rows]


def draw(rows: list[dict[str, Any]], full: list[dict[str, Any]], path: Path) -> None:
    """Peak memory against items and against layers; at full size, where that was measured, beside the bound of 16 GiB."""
    import altair as alt

    names = ["capture", "pca", "convergence", "retrieval", HELD]
    look: dict[str, Any] = {
        "color": alt.Color("what:N", sort=names, scale=alt.Scale(domain=names, range=COLORS), title=None),
        "shape": alt.Shape("what:N", sort=names, scale=alt.Scale(domain=names), title=None),
    }
    panels: list[Any] = []
    for along, fixed, at in (("items", "layers", LAYERS[0]), ("layers", "items", ITEMS[1])):
        own = [{"what": row["what"], along: row[along], "mib": row["mib"]} for row in rows if row[fixed] == at]
        every = sorted({row[along] for row in own})
        own += [{"what": HELD, along: each, "mib": held(each * at, WIDTH)} for each in every]
        scale = alt.Scale(type="log", nice=False)
        panels.append(
            alt.Chart(alt.Data(values=own), width=230, height=200, title=f"{at} {fixed}, {WIDTH} wide")
            .mark_line(point=alt.OverlayMarkDef(size=60, filled=True))
            .encode(
                x=alt.X(f"{along}:Q", scale=scale, axis=alt.Axis(values=every, format="d"), title=along),
                y=alt.Y("mib:Q", scale=scale, title="peak host memory above the model, MiB"),
                **look,
            )
        )
    if full:
        size = full[0]
        whole = held(size["items"] * size["layers"], size["width"])
        own = [{"what": row["what"], "gib": row["mib"] / 1024} for row in full] + [{"what": HELD, "gib": whole / 1024}]
        bars = alt.Chart(alt.Data(values=own)).encode(
            x=alt.X("what:N", sort=names, title=None, axis=alt.Axis(labelAngle=-30)),
            y=alt.Y("gib:Q", title="the same, GiB (dashed: 16)"),
        )
        bound = alt.Chart(alt.Data(values=[{"gib": 16}])).mark_rule(strokeDash=[4, 4]).encode(y="gib:Q")
        panels.append(
            alt.layer(
                bars.mark_bar().encode(color=look["color"]),
                bars.mark_text(dy=-7).encode(text=alt.Text("gib:Q", format=".2f")),
                bound,
            ).properties(
                width=230,
                height=200,
                title=f"{size['layers']} layers, {size['width']:,} wide, {size['items']:,} items",
            )
        )
    alt.hconcat(*panels).configure_view(stroke=None).save(path)


def held(items_layers: int, width: int) -> float:
    """MiB of both reads of this many items times layers, were all in memory."""
    return 2 * 4 * items_layers * width / _MIB


def main() -> None:
    """Measure, print a line of JSON a run, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", type=Path, default=Path("states-memory.svg"))
    parser.add_argument("--full", type=Path, help="also measure full size, with states in this folder")
    parser.add_argument(
        "--embedded", type=int, default=420, help="items of the embedded benchmark to capture; 0 for none"
    )
    given = parser.parse_args()
    with TemporaryDirectory() as scratch:
        rows = small_runs(Path(scratch))
        if given.embedded:
            measured(capture_embedded, Path(scratch) / "embedded", items=given.embedded)
            for name in ("pca", "convergence", "retrieval"):
                measured(analyse, Path(scratch) / "embedded", name=name)
    draw(rows, full_size(given.full) if given.full else [], given.figure)


if __name__ == "__main__":
    main()
