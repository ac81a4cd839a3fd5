"""Studies, published rows and score files: what people write by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml
from hypothesis import strategies as st

import bench.plugins
from bench.boards.published import default_file, read
from bench.errors import ConfigError
from bench.records.score_files import read_scores
from bench.studies.study import make_study, read_study
from fuzz.cases import JSON, for_all, ours_or_good, reshaped, spoilt

STUDY = {
    "methods": ["intensity", "pca"], "datasets": ["toy"], "seeds": [0, 1], "preset": "quick", "view": "resize:32",
    "settings": {"toy": {"images": 8}, "brightness": 3}, "data_roots": {"default": "data"}, "device": "cpu",
    "executor": {"name": "slurm", "cpus": 2, "memory": "4G", "time": "2h", "sbatch": ["--exclusive"]},
}  # fmt: skip
TOKENS = [
    "methods:", "seeds:", " ", "\n", "- ", "[", "]", "{", "}", ": ", "? ", "&a ", "*a", "<<: ", "!!timestamp ",
    "!!int ", "!!bool ", "!!float ", "!!python/object/apply:os.getcwd []", "!!set ", "2001-99-99", "1:99:", "0x_",
    ".inf", ".nan",
    "'", '"', "|", ">", "#", "%YAML 9.9\n", "---\n", "...\n", "\t", "\x07", "é", "0" * 5000, "0x" + "f" * 5000,
]  # fmt: skip


def as_yaml(content):
    return yaml.dump(content, allow_unicode=True).encode("utf-8", "surrogatepass")


def test_studies(examples, tmp_path, monkeypatch):
    monkeypatch.setattr(bench.plugins, "__path__", list(bench.plugins.__path__))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "suite.yaml"

    def use():
        study = make_study(read_study(file, None), {"methods": ["pca"], "datasets": ["toy"]})
        assert study.methods == ["pca"]
        assert isinstance(study.executor_options, dict)

    def check(data):
        file.write_bytes(data)
        ours_or_good(use)

    tokens = st.lists(st.sampled_from(TOKENS), max_size=12).map(lambda found: "".join(found).encode())
    cases = st.one_of(spoilt(as_yaml(STUDY)), reshaped(STUDY).map(as_yaml), JSON.map(as_yaml), tokens)
    for_all(cases, 2 * examples, check)


@pytest.mark.parametrize(
    "text", ["seeds: !!int ''", "seeds: !!bool maybe", "seeds: !!timestamp soon", "seeds: !!float ''", "!x {a: b}"]
)
def test_tags_are_refused_by_line(tmp_path, text):
    (tmp_path / "suite.yaml").write_text(f"methods: [pca]\n{text}\n" if text[0] != "!" else text)
    with pytest.raises(ConfigError, match=r"suite.yaml, line [12]: tags \(.+\) are not read"):
        read_study(tmp_path / "suite.yaml", None)


def test_published_rows(examples, tmp_path):
    lines = default_file().read_bytes().splitlines(keepends=True)[:4]

    def check(data):
        (tmp_path / "published.csv").write_bytes(data)
        ours_or_good(lambda: read(tmp_path / "published.csv"), lambda rows: [row.value + 0.0 for row in rows])

    for_all(spoilt(b"".join(lines)) | spoilt(b"".join(lines), least=len(lines[0])), 2 * examples, check)


@dataclass(frozen=True)
class Image:
    id: str


def test_score_files(examples, tmp_path):
    test = [Image("test/good/0.png"), Image("test/hole/0.png")]

    def check(data):
        (tmp_path / "scores.csv").write_bytes(data)
        ours_or_good(lambda: read_scores(tmp_path / "scores.csv", test), lambda scores: scores.reshape(2))

    valid = b"id,score\ntest/good/0.png,0.25\ntest/hole/0.png,1e3\n"
    for_all(spoilt(valid) | spoilt(valid, least=9), 2 * examples, check)
