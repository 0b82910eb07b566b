"""Bundles: what is written is read back, the same point has the same digest, and what is not as it was is refused."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from isogloss.errors import RefusedError, UserError
from isogloss.files import MANIFEST, read_json, seal, write_json
from isogloss.models.load import resolve
from isogloss.registry.bundle import point_digest, read_bundle, write_bundle
from isogloss.registry.contents import Git
from isogloss.steering.intervention import Component, Intervention, single, surgical
from isogloss.steering.vectors import SteeringVectors
from tiny_bundles import BASE_DIGEST, LANGUAGES, make_bundle, make_scores, make_spec, make_vectors, trained_folder
from training_jobs import tiny_folder


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    sur = surgical(
        single(make_vectors("en", seed=1), layer=2, gamma=0.5), single(make_vectors("loc"), layer=3, gamma=2.0)
    )
    written = make_bundle(tmp_path / "b", intervention=sur, card="---\nlicense: gemma\n---\n# SUR\n")
    bundle = read_bundle(tmp_path / "b")
    assert (bundle.kind, bundle.weights, bundle.model_folder, bundle.model_ref) == ("steered", None, None, "tiny")
    assert bundle.model_digest == BASE_DIGEST
    assert bundle.intervention().digest == sur.digest
    assert bundle.point == written.point
    assert bundle.scores == make_scores()
    assert bundle.lineage.git == Git(commit="c" * 40, dirty=False)
    assert (bundle.folder / "README.md").read_text() == "---\nlicense: gemma\n---\n# SUR\n"
    for kind in ("en", "loc"):
        assert SteeringVectors.load(bundle.folder / "vectors" / kind).languages == tuple(sorted(LANGUAGES))


def test_the_documented_files_and_fields(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b").folder
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    vectors = {f"vectors/loc/{name}" for name in ("vectors.safetensors", "vectors.json", MANIFEST)}
    assert names == {"README.md", "bundle.json", "intervention.json", "scores.json", MANIFEST, *vectors}
    described = read_json(folder / "bundle.json")
    assert (described["format"], described["kind"], described["weights"]) == (1, "steered", None)
    assert set(described["base"]) == {"ref", "digest", "num_layers", "hidden_size", "architecture", "merged_from"}
    (component,) = read_json(folder / "intervention.json")["components"]
    assert set(component) == {"kind", "layer", "gamma", "languages", "vectors", "digest"}
    assert set(read_json(folder / "scores.json")) == {"axes", "delta", "bias", "bias_delta", "baseline"}


def test_components_for_some_languages_share_the_vectors_of_their_kind(tmp_path: Path) -> None:
    loc = make_vectors()
    parts = Intervention(
        (
            Component(vectors=loc.only(["es"]), layer=2, gamma=1.0),
            Component(vectors=loc.only(["ko", "el"]), layer=3, gamma=2.0),
        )
    )
    bundle = make_bundle(tmp_path / "b", intervention=parts)
    assert [(one.layer, one.vectors.languages) for one in bundle.intervention().components] == [
        (2, ("es",)),
        (3, ("ko", "el")),
    ]
    assert torch.equal(bundle.intervention().components[1].vectors.at("el", 3), loc.at("el", 3))
    other = Component(vectors=make_vectors(seed=5).only(["es"]), layer=1, gamma=1.0)
    with pytest.raises(UserError, match="LOC components with vectors of different extractions"):
        make_bundle(tmp_path / "c", intervention=Intervention((*parts.components, other)))
    assert not (tmp_path / "c").exists()


def test_the_same_point_is_told_by_what_it_does_alone(tmp_path: Path) -> None:
    def digest(*components: Component, base: str = BASE_DIGEST, positions: Any = "all") -> str:
        return point_digest(Intervention(components), base_digest=base, weights_digest=None, positions=positions)

    loc = make_vectors()
    whole = digest(Component(vectors=loc, layer=3, gamma=1.0))
    in_parts = [Component(vectors=loc.only([one]), layer=3, gamma=1.0) for one in ("ko", "el", "es")]
    off = Component(vectors=make_vectors("en"), layer=1, gamma=0.0)
    assert whole == digest(*in_parts) == digest(off, *in_parts)
    others = {
        digest(Component(vectors=loc, layer=2, gamma=1.0)),
        digest(Component(vectors=loc, layer=3, gamma=1.5)),
        digest(Component(vectors=loc.only(["es", "ko"]), layer=3, gamma=1.0)),
        digest(Component(vectors=make_vectors(seed=1), layer=3, gamma=1.0)),
        digest(Component(vectors=loc, layer=3, gamma=1.0), base="c" * 64),
        digest(Component(vectors=loc, layer=3, gamma=1.0), positions="from-prompt-end"),
    }
    assert len(others | {whole}) == 7
    first = make_bundle(tmp_path / "a", card="one")
    second = make_bundle(tmp_path / "b", card="other", name="other", lineage={"run_id": "r", "pipeline": "p"})
    assert first.point == second.point == whole


@pytest.mark.parametrize(("parameters", "weights"), [("lora", "adapter"), ("full", "full")])
def test_a_trained_one_carries_its_weights(tmp_path: Path, parameters: str, weights: Any) -> None:
    trained = trained_folder(tmp_path, parameters=parameters)
    found = resolve(str(trained))
    base = {"digest": resolve(str(tiny_folder("llama"))).digest, "ref": str(tiny_folder("llama"))}
    facts: dict[str, Any] = {**base, "weights": weights, "checkpoint": "mist", "model_folder": trained}
    bundle = make_bundle(tmp_path / "b", intervention=Intervention(()), **facts)
    assert (bundle.kind, bundle.model_digest) == ("trained", found.digest)
    assert bundle.model_folder is not None
    assert resolve(bundle.model_ref).digest == found.digest
    steered = make_bundle(
        tmp_path / "c", intervention=single(make_vectors(digest=found.digest), layer=1, gamma=1.0), **facts
    )
    assert (steered.kind, steered.point == bundle.point) == ("trained-steered", False)
    with pytest.raises(RefusedError, match="do not belong on the model of bundle 'tiny-loc' \\(mist, base"):
        make_bundle(tmp_path / "d", intervention=single(make_vectors(), layer=1, gamma=1.0), **facts)
    (trained / "training_args.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(RefusedError, match=r"cannot be shipped: .*training_args.bin: a pickle"):
        make_bundle(tmp_path / "e", intervention=Intervention(()), **facts)


def test_nothing_to_ship_and_weights_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to ship"):
        write_bundle(
            tmp_path / "b", spec=make_spec(), intervention=Intervention(()), scores=make_scores(), card=lambda _: ""
        )
    with pytest.raises(UserError, match="weights are adapter, and the model's folder is None"):
        make_bundle(tmp_path / "b", weights="adapter")
    with pytest.raises(UserError, match="no bundle there"):
        read_bundle(tmp_path)


def test_vectors_of_another_base_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="do not belong on the model of bundle 'tiny-loc'"):
        make_bundle(tmp_path / "b", intervention=single(make_vectors(digest="a" * 64), layer=1, gamma=1.0))
    assert not (tmp_path / "b").exists()


def every_file(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_changed_byte_in_any_file_is_refused_by_name(tmp_path: Path) -> None:
    whole = make_bundle(tmp_path / "b").folder
    for number, path in enumerate(every_file(whole)):
        copy = Path(shutil.copytree(whole, tmp_path / f"copy-{number}"))
        damaged = copy / path.relative_to(whole)
        content = bytearray(damaged.read_bytes())
        content[len(content) // 2] ^= 1
        damaged.write_bytes(content)
        with pytest.raises(RefusedError) as refused:
            read_bundle(copy)
        assert path.name == MANIFEST or str(damaged) in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("model.pkl", b"x", "a pickle"),
        ("notes.txt", pickle.dumps({"a": 1}), "a pickle"),
        ("weights.json", b"PK\x03\x04rest", "a pickle"),
        ("extra.txt", b"hello", "not in manifest.json"),
    ],
)
def test_what_does_not_belong_there_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    folder = make_bundle(tmp_path / "b").folder
    (folder / name).write_bytes(content)
    with pytest.raises(RefusedError, match=f"{name}: {reason}"):
        read_bundle(folder)
    if reason == "a pickle":
        seal(folder)  # also where the manifest lists it
        with pytest.raises(RefusedError, match=f"{name}: {reason}"):
            read_bundle(folder)


def test_links_are_refused_wherever_they_lead(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b").folder
    shutil.move(folder / "README.md", tmp_path / "README.md")
    (folder / "README.md").symlink_to(tmp_path / "README.md")
    with pytest.raises(RefusedError, match=r"README.md: a symbolic link \(to .*\), which could lead out"):
        read_bundle(folder)
    other = make_bundle(tmp_path / "c").folder
    (tmp_path / "link").symlink_to(other)
    with pytest.raises(RefusedError, match="link: a symbolic link"):
        read_bundle(tmp_path / "link")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "vectors/../../secret", "a\\b", "c:/x", ""])
def test_names_that_climb_out_are_refused_before_they_are_followed(tmp_path: Path, name: str) -> None:
    folder = make_bundle(tmp_path / "b").folder
    manifest = read_json(folder / MANIFEST)
    manifest["files"][name] = {"size": 0, "sha256": ""}
    write_json(folder / MANIFEST, manifest)
    with pytest.raises(RefusedError, match=r"the file name .*(leads out of|is not a plain)"):
        read_bundle(folder)


def resealed(folder: Path, file: str, change: Any) -> Path:
    content = read_json(folder / file)
    change(content)
    write_json(folder / file, content)
    seal(folder)
    return folder


def test_a_manifest_that_was_made_again_does_not_hide_a_change(tmp_path: Path) -> None:
    def stronger(content: Any) -> None:
        content["components"][0]["gamma"] = 9.0

    with pytest.raises(
        RefusedError, match=r"bundle.json: it is point \w+, and its base, weights and intervention make"
    ):
        read_bundle(resealed(make_bundle(tmp_path / "a").folder, "intervention.json", stronger))

    folder = make_bundle(tmp_path / "b").folder
    make_vectors(seed=9).save(folder / "vectors" / "loc")
    seal(folder)
    with pytest.raises(RefusedError, match=r"intervention.json: LOC in layer 3: it was made with vectors \w+, and"):
        read_bundle(folder)

    def elsewhere(content: Any) -> None:
        content["components"][0]["vectors"] = "../../vectors"

    with pytest.raises(RefusedError, match=r"not '\.\./\.\./vectors'"):
        read_bundle(resealed(make_bundle(tmp_path / "c").folder, "intervention.json", elsewhere))

    def another_base(content: Any) -> None:
        content["base"]["digest"] = "a" * 64

    with pytest.raises(RefusedError, match="do not belong on the model of bundle"):
        read_bundle(resealed(make_bundle(tmp_path / "d").folder, "bundle.json", another_base))

    def counted_from_0(content: Any) -> None:
        content["layer_convention"] = "layer l is block l, counted from 0"

    with pytest.raises(RefusedError, match=r"intervention.json: not as a bundle has it: .*another convention"):
        read_bundle(resealed(make_bundle(tmp_path / "e").folder, "intervention.json", counted_from_0))
