"""Comparisons in pairs against scikit-learn, the statistics by hand, and what must not be compared."""

from __future__ import annotations

import io
import json
from itertools import combinations

import numpy as np
import pytest
from made_records import make, samples, scores_of
from rich.console import Console
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from bench.board_formats.comparisons import comparison_report
from bench.boards.comparison import compare
from bench.boards.leaderboard import Known
from bench.boards.measures import MEASURES
from bench.errors import ConfigError, DataError
from bench.statistics import compare_pair, holm, paired_delong

AUROC = (MEASURES["auroc"],)


def compared(store, methods, datasets="toy", measures=AUROC, preset=None):
    return compare(Known.read(store, with_published=False), methods, datasets, measures, preset)


def printed(comparison):
    text = io.StringIO()
    Console(width=110, file=text).print(comparison_report(comparison))
    return text.getvalue()


STRENGTHS = {"a": 2.0, "b": 1.0, "c": 0.9}


def test_every_pair_with_delong_and_holm(store):
    for seed, (name, strength) in enumerate(STRENGTHS.items()):
        make(store, name, strength=strength, noise=seed)
    found = compared(store, list(STRENGTHS))
    labels = [s.label for s in samples()]
    scores = {name: scores_of(samples(), strength, i) for i, (name, strength) in enumerate(STRENGTHS.items())}
    expected = [paired_delong(labels, scores[a], scores[b]) for a, b in combinations(STRENGTHS, 2)]
    assert [pair.difference.p_value for pair in found.pairs] == [each.p_value for each in expected]
    assert [pair.adjusted_p for pair in found.pairs] == holm([each.p_value for each in expected])
    by_hand = roc_auc_score(labels, scores["a"]) - roc_auc_score(labels, scores["b"])
    assert found.pairs[0].difference.effect == pytest.approx(by_hand, abs=1e-12)
    assert found.ranks is None


def test_groups_and_seeds_are_resampled_together(store):
    test = samples(grouped=True)
    for seed in (0, 1):
        make(store, "a", seed=seed, strength=2.0, grouped=True)
    make(store, "b", noise=9, grouped=True)
    (pair,) = compared(store, ["a", "b"]).pairs
    kinds = {"good": 0, "crack": 1, "hole": 2}
    of_a = np.stack([scores_of(test, 2.0, seed) for seed in (0, 1)])
    expected = compare_pair(
        [kinds[s.kind] for s in test], of_a, scores_of(test, 1.0, 9), [s.group for s in test], False
    )  # fmt: skip
    assert pair.difference == expected
    assert "bootstrap" in pair.difference.method


def test_a_large_family_can_still_be_told_apart(store):
    """66 pairs: 2,000 resamples cannot show a p-value that stays below .05 after Holm."""
    names = [f"m{i:02d}" for i in range(12)]
    for i, name in enumerate(names):
        make(store, name, strength=6.0 if i == 0 else 0.5, noise=i, grouped=True)
    found = compared(store, names)
    assert {pair.adjusted_p < 0.05 for pair in found.pairs if "m00" in (pair.a, pair.b)} == {True}
    assert "6600 resamples" in found.pairs[0].difference.method


def test_equal_methods_are_degenerate_and_said(store):
    make(store, "a", noise=1)
    make(store, "b", noise=1)
    found = compared(store, ["a", "b"])
    assert found.pairs[0].adjusted_p is None
    assert "both methods rank these images alike" in printed(found)


def test_a_metric_that_scores_do_not_give_has_an_effect_and_no_test(store):
    make(store, "a", areas={"hole": 0.5})
    make(store, "b", areas={"hole": 0.3})
    (pair,) = compared(store, ["a", "b"], measures=(MEASURES["au_spro@0.05"],)).pairs
    assert pair.difference.effect == pytest.approx(0.2)
    assert pair.adjusted_p is None
    assert "no paired test" in pair.difference.degenerate


def test_other_images_are_refused_though_the_files_claim_to_be_the_same(store):
    make(store, "a")
    make(store, "b", test=samples(first=40))
    with pytest.raises(DataError, match="not tested on the same images: 80 and 80 images, 40 ids in common"):
        compared(store, ["a", "b"])


def test_several_terms_are_refused_until_one_is_chosen(store):
    for preset in ("quick", "paper"):
        for name in ("a", "b"):
            make(store, name, preset=preset)
    with pytest.raises(
        ConfigError, match=r"several terms on toy, which are never mixed:\n  preset paper.*\n  preset quick"
    ):
        compared(store, ["a", "b"])
    assert compared(store, ["a", "b"], preset="quick").marks == ("quick",)


def test_the_remedy_is_a_preset_only_where_it_leaves_one_board(store):
    for preset, protocol in (("paper", "toy rules"), ("own maps", "toy rules"), ("quick", "folder a"), ("quick", "b")):
        for name in ("a", "b"):
            make(store, name, preset=preset, protocol=protocol, data=protocol)
    with pytest.raises(ConfigError) as found:
        compared(store, ["a", "b"])
    *_, remedy = str(found.value).splitlines()
    assert remedy.startswith("Choose: --preset 'own maps' or --preset paper. For the others, keep a --results")
    assert len(compared(store, ["a", "b"], preset="own maps").pairs) == 1
    with pytest.raises(ConfigError, match=r"(?s)quick, b .*quick, folder a .*\nNo option tells them apart: keep a"):
        compared(store, ["a", "b"], preset="quick")


def test_terms_are_told_apart_by_what_differs(store):
    for scans in (64, 32):
        make(store, "a", dataset_params={"train_scans": scans, "seed": 0})
        make(store, "b", dataset_params={"train_scans": scans, "seed": 0})
    with pytest.raises(ConfigError, match=r"\), train_scans 32, files d0: a, b\n.*\), train_scans 64, files"):
        compared(store, ["a", "b"])


def test_methods_that_never_met_are_refused(store):
    make(store, "a", preset="quick")
    make(store, "b", preset="paper")
    with pytest.raises(
        ConfigError,
        match=r"never run on the same terms.*\n.*preset paper.*: b\n.*preset quick.*: a\nRun what is missing on",
    ):
        compared(store, ["a", "b"])


def test_unknown_and_ambiguous_names(store):
    make(store, "fanogan", settings={})
    make(store, "pca", settings={"components": 2})
    make(store, "pca", settings={"components": 4}, params={"components": 4})
    with pytest.raises(ConfigError, match="Did you mean fanogan"):
        compared(store, ["fanogn", "pca"])
    with pytest.raises(ConfigError, match=r"'pca \(components 2\)', 'pca \(components 4\)'"):
        compared(store, ["fanogan", "pca"])
    assert compared(store, ["fanogan", "pca (components 4)"]).pairs[0].b == "pca (components 4)"
    with pytest.raises(ConfigError, match="two or more different methods"):
        compared(store, ["pca", "pca"])


def several(store, datasets):
    rng = np.random.default_rng(1)
    strengths = {(m, d): rng.uniform(0.3, 2) for m in STRENGTHS for d in range(datasets)}
    for (method, d), strength in strengths.items():
        make(store, method, dataset=f"set{d}", strength=strength, noise=d, data=str(d))
    return [f"set{d}" for d in range(datasets)]


def test_ranks_over_data_sets_with_one_family_of_tests(store):
    names = several(store, 4)
    found = compared(store, list(STRENGTHS), ",".join(names))
    table = np.array(found.figures)
    expected = rankdata(-table, axis=0).mean(axis=1)
    ranks = dict(zip(found.ranks.methods, found.ranks.average_ranks, strict=True))
    assert [ranks[name] for name in STRENGTHS] == pytest.approx(list(expected))
    assert len(found.pairs) == 12
    assert [p.adjusted_p for p in found.pairs] == holm([p.difference.p_value for p in found.pairs])
    assert "Descriptive: ranks over 4 data sets" in printed(found).replace("\n", " ")


def test_six_data_sets_are_no_longer_merely_descriptive(store):
    found = compared(store, list(STRENGTHS), ",".join(several(store, 6)))
    assert found.ranks.descriptive is None
    assert "critical difference" in printed(found)


def test_all_stands_for_every_category_that_was_run(store):
    for category in ("1", "2"):
        for noise, method in enumerate(("a", "b")):
            make(store, method, category=category, data=category, noise=noise)
    found = compared(store, ["a", "b"], "toy:all")
    assert [terms.label for terms in found.terms] == ["toy:1", "toy:2"]


def test_the_mean_over_categories_is_compared_as_a_mean(store):
    for category in ("1", "2", "3"):
        for noise, (method, strength) in enumerate({"a": 1.5, "b": 1.0}.items()):
            make(store, method, dataset="elsewhere", category=category, data=category, noise=noise, strength=strength)
    (mean,) = compared(store, ["a", "b"], "elsewhere").pairs
    single = [pair.difference for pair in compared(store, ["a", "b"], "elsewhere:all").pairs]
    assert mean.difference.effect == pytest.approx(np.mean([each.effect for each in single]))
    width = np.sqrt(sum((each.interval.high - each.interval.low) ** 2 for each in single)) / 3
    assert mean.difference.interval.high - mean.difference.interval.low == pytest.approx(width)


def test_json_is_plain(store):
    make(store, "a", noise=1)
    make(store, "b", noise=2)
    read = json.loads(json.dumps(compared(store, ["a", "b"]).as_dict(), allow_nan=False))
    assert read["datasets"] == ["toy"]
    assert read["pairs"][0]["difference"]["p_value"] is not None
