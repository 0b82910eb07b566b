"""A pipeline's YAML: what is refused, in which words, and what stays out of the digest."""

import pytest

from isogloss.errors import UserError
from isogloss.spec import PipelineSpec, load_spec

BASE = "name: small\nmodel: embedded\n"


@pytest.fixture
def load(tmp_path):
    """Read a pipeline with this text, with overrides."""

    def read(text="", *overrides, base=BASE):
        path = tmp_path / "p.yaml"
        path.write_text(base + text, encoding="utf-8")
        return load_spec(path, overrides)

    return read


@pytest.fixture
def refused(load):
    """What is said of a pipeline with this text, without the file's name."""

    def said(text="", *overrides, base=BASE):
        with pytest.raises(UserError) as caught:
            load(text, *overrides, base=base)
        lines = str(caught.value).splitlines()
        return [line.partition("p.yaml: ")[2] or line for line in lines]

    return said


def test_name_and_model_are_enough(load):
    spec = load()
    assert (spec.name, spec.model, spec.data.choices, spec.sweep.layers) == ("small", "embedded", "embedded", "all")


def test_the_pipelines_of_the_project_are_valid(request):
    paths = sorted((request.config.rootpath / "pipelines").glob("*.yaml"))
    assert paths
    for path in paths:
        assert load_spec(path).name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "steer: {position: all}",
            "steer.position: unknown setting (did you mean 'positions'?); known here: positions",
        ),
        ("sweeep: {}", "sweeep: unknown setting (did you mean 'sweep'?)"),
        ("sweep: {tolerence: 0.1}", "sweep.tolerence: unknown setting (did you mean 'tolerance'?)"),
        ("sweep: {layers: []}", "sweep.layers: should be 'all' or a list of layers, for example [9, 13], not []"),
        ("sweep: {layers: [0]}", "sweep.layers: should be 'all' or a list of layers, for example [9, 13], not [0]"),
        ("sweep: {layers: 9}", "sweep.layers: should be 'all' or a list of layers, for example [9, 13], not 9"),
        ("sweep: {en_gammas: []}", "sweep.en_gammas: at least one strength is needed"),
        ("sweep: {loc_gammas: [.nan]}", "sweep.loc_gammas.0: input should be a finite number, not nan"),
        ("sweep: {loc_gammas: [-.inf]}", "sweep.loc_gammas.0: input should be a finite number, not -inf"),
        ("sweep: {en_gammas: 1.0}", "sweep.en_gammas: input should be a list, not 1.0"),
        ("sweep: {tolerance: 2}", "sweep.tolerance: input should be less than or equal to 1, not 2"),
        ("scoring: {method: mcq}", "scoring.method: input should be 'cloze' or 'letter', not 'mcq'"),
        (
            "data: {choices: a.jsonl}",
            "data.choices: should be 'embedded', or a list of data sets (global-mmlu, blend) and files, for example "
            "[global-mmlu, mine.jsonl], not 'a.jsonl'",
        ),
        (
            "align: {instructions: a.jsonl}",
            "align.instructions: should be 'embedded' or 'embedded-english', or a list of data sets (openassistant) and files, "
            "for example [openassistant, mine.jsonl], not 'a.jsonl'",
        ),
        (
            "data: {choices: []}",
            "data.choices: should be 'embedded', or a list of data sets (global-mmlu, blend) and files, for example "
            "[global-mmlu, mine.jsonl], not []",
        ),
        (
            "data: {languages: [en, no]}",
            "data.languages: YAML reads an unquoted no or yes as a truth value; write 'no' in quotes for Norwegian",
        ),
        ("data: {languages: [en, es, ko, es]}", "data.languages: 'es' stands twice"),
        ("align: {midalign: {layer: 0}}", "align.midalign.layer: should be 'middle' or a layer, counted from 1, not 0"),
        (
            "align: {midalign: {layer: mid}}",
            "align.midalign.layer: should be 'middle' or a layer, counted from 1, not 'mid'",
        ),
        ("data:", "data: input should be a group of settings, not None"),
        ("data: 5", "data: input should be a group of settings, not 5"),
        ("compute: {token_budget: 3}", "compute.token_budget: input should be greater than or equal to 64, not 3"),
        ("compute: {dtype: float16}", "compute.dtype: input should be 'auto', 'float32' or 'bfloat16', not 'float16'"),
    ],
)
def test_each_wrong_setting_is_named_with_its_path(refused, text, said):
    assert refused(text)[0].startswith(said)


def test_a_wrong_layer_is_said_once(refused):
    assert len(refused("align: {midalign: {layer: -1}}")) == 1


def test_what_all_methods_share_is_said_once(refused):
    lines = refused("align: {train: {batch: 0, stps: 3}, clo: {train: {batch: -1}}}")
    assert [line.partition(": ")[0] for line in lines] == [
        "align.train.batch",
        "align.train.stps",
        "align.clo.train.batch",
    ]
    assert "unknown setting (did you mean 'steps'?)" in lines[1]
    assert [line.partition(":")[0] for line in refused("align: {mist: {train: {batch: 0}}}")] == [
        "align.mist.train.batch"
    ]


def test_all_wrong_settings_at_once(refused):
    lines = refused("seed: one\nsteer: {gama: 1}\ncompute: {threads: 0}")
    assert [line.partition(":")[0] for line in lines] == ["steer.gama", "compute.threads", "seed"]


@pytest.mark.parametrize("text", ["", "- a\n", "text\n", "5\n"])
def test_a_pipeline_is_a_mapping(refused, text):
    assert refused(base=text) == ["a pipeline is a mapping of settings; `name` and `model` are needed"]


def test_what_is_missing_is_named(refused):
    assert refused(base="{}") == ["name: is missing", "model: is missing"]


@pytest.mark.parametrize("name", ["a b", "../up", "", "a/b", "-a", "x" * 81])
def test_a_name_can_be_a_folder(refused, name):
    assert refused(base=f"name: '{name}'\nmodel: m\n")[0].startswith("name: string should")


@pytest.mark.parametrize(
    "text", ["\tx: 1", "a: [", "seed: 2020-13-45", "seed: " + "[" * 5000, "x: !!python/name:os.system ''", "\0"]
)
def test_what_is_no_yaml_is_said(refused, text):
    (line,) = refused(text)
    assert line.startswith("not valid YAML: ")


def test_missing_pipelines_are_suggested(tmp_path):
    (tmp_path / "embedded.yaml").write_text(BASE)
    for name in ("embeded.yaml", "embedded"):
        with pytest.raises(UserError, match=r"no such pipeline \(did you mean '.*embedded.yaml'\?\)"):
            load_spec(tmp_path / name)
    with pytest.raises(UserError, match=r"none.yaml: no such pipeline$"):
        load_spec(tmp_path / "no folder" / "none.yaml")
    with pytest.raises(UserError, match="cannot be read as a pipeline"):
        load_spec(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"name: a\xf1o")
    with pytest.raises(UserError, match="cannot be read as a pipeline"):
        load_spec(tmp_path / "latin.yaml")


def test_overrides_reach_any_depth_and_the_last_counts(load):
    spec = load("sweep: {tolerance: 0.1}", "sweep.tolerance=0.2", "sweep.tolerance=0.3", "data.languages=[en, ko]")
    assert spec.sweep.tolerance == 0.3
    assert spec.data.languages == ("en", "ko")
    assert load("", "track.uri=").track.uri is None


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("sweep", "--set sweep: write it as name=value, for example --set data.test=20"),
        ("=1", "--set =1: write it as name=value, for example --set data.test=20"),
        ("model.name=x", "--set model.name=x: 'model' is not a group of settings"),
        ("seed=[", "--set seed=[: the value is not valid YAML"),
        ("seed=2020-13-45", "--set seed=2020-13-45: the value is not valid YAML"),
        ("data.tset=5", "data.tset: unknown setting (did you mean 'test'?)"),
    ],
)
def test_wrong_overrides_are_refused(refused, override, said):
    assert refused("", override)[0].startswith(said)


def test_limits_are_a_number_or_all(load, refused):
    both = load("data: {dev2: all, test: 20}").data
    assert (both.dev2.transfer, both.dev2.localization) == (None, None)
    assert (both.test.transfer, both.test.localization) == (20, 20)
    assert (str(both.dev2), str(both.test)) == ("all", "20")
    apart = load("data: {test: {transfer: 5, localization: all}}").data.test
    assert (apart.transfer, apart.localization) == (5, None)
    assert str(apart) == "transfer=5, localization=all"
    assert refused("data: {test: 1}")[0].startswith("data.test.transfer: input should be greater than or equal to 2")


def test_one_axis_of_a_limit_can_be_set_over_a_number_for_both(load):
    limits = load("data: {test: 80}", "data.test.transfer=5").data.test
    assert (limits.transfer, limits.localization) == (5, 80)
    limits = load("data: {test: all}", "data.test.transfer=5").data.test
    assert (limits.transfer, limits.localization) == (5, None)


@pytest.mark.parametrize(
    "setting",
    ["compute.token_budget=64", "compute.threads=3", "compute.device=cpu", "track.uri=x", "align.launch=l.yaml"],
)
def test_speed_and_tracking_stay_out_of_the_digest(load, setting):
    assert load("", setting).digest == load().digest


@pytest.mark.parametrize("setting", ["seed=1", "compute.dtype=float32", "sweep.tolerance=0.5", "model=other", "name=b"])
def test_the_rest_is_in_the_digest(load, setting):
    assert load("", setting).digest != load().digest


def test_the_resolved_settings_give_the_same_spec(load, tmp_path):
    spec = load("data: {choices: [a.jsonl], languages: ['no', en], test: 20}\nsweep: {layers: [2, 3]}")
    path = tmp_path / "resolved.yaml"
    path.write_text(spec.to_yaml(), encoding="utf-8")
    assert load_spec(path) == spec


def test_a_spec_is_frozen():
    spec = PipelineSpec(name="a", model="m")
    with pytest.raises(ValueError, match="frozen"):
        spec.seed = 2
