"""A study as a file: what is read, what the command line replaces, and where an error says it stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.errors import ConfigError
from bench.studies.file import read_study_file
from bench.studies.study import Study, keep, make_study, read_study

WHOLE = """\
methods: [intensity, pca]
datasets:
  - toy
  - mnist:1
seeds: 0,1
preset: quick
settings:
  toy: {images: 8}
  brightness: 3
data_roots:
  default: /data
  mnist: /data/digits
executor: {name: local, workers: 2, timeout: 2h}
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "suite.yaml"
        path.write_text(text)
        return path

    return write


def test_a_file_says_what_options_say(write):
    study = make_study(read_study(write(WHOLE), None), {})
    assert (study.methods, study.datasets, study.seeds) == (["intensity", "pca"], ["toy", "mnist:1"], [0, 1])
    assert study.settings == ["toy.images=8", "brightness=3"]
    assert (study.roots().of("toy"), study.roots().of("mnist")) == (Path("/data"), Path("/data/digits"))
    assert (study.executor_name, study.executor_options) == ("local", {"workers": 2, "timeout": "2h"})


def test_options_replace_keys_one_by_one(write):
    given = {
        "methods": ["pca"], "seeds": None, "settings": ["brightness=9"], "data_roots": {"mnist": Path("here")},
        "executor": {"workers": 1},
    }  # fmt: skip
    study = make_study(read_study(write(WHOLE), None), given)
    assert (study.methods, study.seeds) == (["pca"], [0, 1])
    assert study.settings == ["toy.images=8", "brightness=3", "brightness=9"]  # the last one counts
    assert (study.roots().of("toy"), study.roots().of("mnist")) == (Path("/data"), Path("here"))
    assert study.executor_options == {"workers": 1, "timeout": "2h"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("methods:", "mehtods:", r"suite.yaml, line 1: Unknown key 'mehtods'. Did you mean methods"),
        ("pca]", "pcaa]", r"line 1: Unknown method 'pcaa'. Did you mean pca"),
        ("  - mnist:1", "  - mnist:ten", r"line 4: Unknown category of mnist 'ten'"),
        ("seeds: 0,1", "seeds: [0, one]", r"line 5: seeds.1: Input should be a valid integer.*found 'one'"),
        ("preset: quick", "preset: [quick]", r"line 6: preset: Input should be a valid string"),
        ("  mnist: /data", "  mnits: /data", r"line 10: Unknown data set 'mnits'. Did you mean .*mnist"),
        ("timeout: 2h", "timeout: 90", r"line 13: Expected a duration after timeout, such as 90s"),
        (
            "workers: 2",
            "wrokers: 2",
            r"line 13: Unknown option of the executor 'local' 'wrokers'. Did you mean workers",
        ),
        ("workers: 2", "workers: 0", r"line 13: Executor 'local': workers: Input should be greater"),
        ("name: local", "name: slrum", r"line 13: Unknown executor 'slrum'"),
        ("preset: quick", "preset: quick\npreset: paper", r"line 7: 'preset' stands here a second time"),
        ("toy: {images: 8}", "toy: {images: 8", r"line \d+: not YAML: "),
        (
            "preset: quick",
            "preset: !!python/object/apply:os.system [ls]",
            r"line 6: tags \(.+os\.system\) are not read",
        ),
        ("preset: quick", "\tpreset: quick", r"line 6: not YAML: found character '\\t'"),
    ],
)
def test_an_error_names_file_and_line(write, old, new, expected):
    assert old in WHOLE
    with pytest.raises(ConfigError, match=expected):
        read_study(write(WHOLE.replace(old, new)), None)


@pytest.mark.parametrize(
    "text", ["", "- a\n", "methods\n", "[" * 1500, "a: &a [*a]\n", "\x00", "? [a]\n: 1\n", "1: 2\n"]
)
def test_what_is_no_study_is_refused(write, text):
    with pytest.raises(ConfigError, match=r"suite\.yaml"):
        read_study(write(text), None)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"after --config; .*gone\.yaml: No such file"):
        read_study(tmp_path / "gone.yaml", None)


def test_without_method_or_data_set_the_option_is_named(write):
    file = read_study(write("methods: pca\n"), None)
    with pytest.raises(ConfigError, match="give --dataset, or 'datasets:' in a file after --config"):
        make_study(file, {})
    assert make_study(file, {"datasets": ["toy"]}).methods == ["pca"]


@pytest.mark.parametrize("several", [range(3), (0, 1, 2), iter([0, 1, 2]), np.arange(3).tolist(), "0,1,2"])
def test_seeds_are_any_that_come_one_by_one(several):
    study = make_study(None, {"methods": iter(["pca", "izi"]), "datasets": "toy", "seeds": several})
    assert (study.methods, study.datasets, study.seeds) == (["pca", "izi"], ["toy"], [0, 1, 2])


@pytest.mark.parametrize("methods", [{"pca": 1}, 3])
def test_what_holds_no_names_is_refused(methods):
    with pytest.raises(ConfigError, match="methods: Input should be a valid string"):
        make_study(None, {"methods": methods, "datasets": "toy"})


@pytest.mark.parametrize(("seed", "bound"), [(-1, "greater than or equal to 0"), (2**32, "less than 4294967296")])
def test_a_seed_that_numpy_refuses_is_refused_at_once(write, seed, bound):
    with pytest.raises(ConfigError, match=f"seeds: Input should be {bound}, found {seed}"):
        make_study(None, {"methods": ["pca"], "datasets": ["toy"], "seeds": [0, seed]})
    with pytest.raises(ConfigError, match=rf"suite.yaml, line 5: seeds.1: Input should be {bound}, found '{seed}'"):
        read_study(write(WHOLE.replace("seeds: 0,1", f"seeds: 0,{seed}")), None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(sorted(Study.model_fields)) | st.text(max_size=8)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4).map(yaml.safe_dump) | st.text(max_size=80) | st.binary(max_size=80))
def test_any_file_is_read_or_refused_by_name(tmp_path, content):
    path = tmp_path / "suite.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", errors="surrogatepass"))
    try:
        study = make_study(read_study(path, None), {"methods": ["pca"], "datasets": ["toy"]})
    except ConfigError as error:
        assert "suite.yaml" in str(error)
    else:
        assert study.methods


def test_the_file_is_kept_byte_for_byte(write, store):
    file = read_study_file(write(WHOLE))
    digest = keep(file, store)
    assert (store.root / "studies" / f"{digest}.yaml").read_text() == WHOLE
    assert keep(file, store) == digest
