"""Every written form of a board is read back by structure: figures, marks, escapes, precision."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from made_records import make

from bench.board_formats import latex, writer
from bench.boards.leaderboard import Known, leaderboard
from bench.boards.measures import parse_measures
from bench.boards.model import Reported
from bench.boards.published import PublishedRow
from bench.errors import ConfigError

NASTY = r"50% & <b>_x_</b> #1 {y} $z$ ~^ | \n “q” – [1] *s*"


@pytest.fixture
def boards(store):
    """One of our own with a tie, a trivial line, several seeds, and published rows whose names are a nuisance."""
    for seed in (0, 1):
        make(store, "fanogan", seed=seed, strength=2.0, areas={"hole": 0.25})
    make(store, "pca", strength=1.9, noise=5)
    make(store, "grey", strength=0.2, trivial=True)
    rows = [
        PublishedRow(
            dataset="toy", category=None, protocol="p", comparable_with=("toy rules",), kind=None, metric="auroc",
            aggregation="pooled", method=name, our_method=None, value=value, sd=sd, ranked=True, year=2020,
            source=f"paper & {name}", confidence=confidence, note="",
        )
        for name, value, sd, confidence in ((NASTY, 0.5123, 0.02, "medium"), ("Z", 0.9999, None, "high"))
    ]  # fmt: skip
    make(store, "pca", preset="quick", synthetic=True)
    known = replace(Known.read(store, with_published=False), published=tuple(rows))
    return leaderboard(known, "toy", parse_measures("auroc,au_spro@0.05"))


def test_the_example_holds_what_the_forms_must_show(boards):
    full, quick = boards
    assert full.rows[0].name == "Z"
    assert sum(row.tied for row in full.rows) == 1
    assert {type(row.origin) for row in full.rows} > {Reported}
    assert quick.marks == ("quick", "synthetic")


def test_json_holds_everything_in_full_precision(boards):
    read = json.loads(writer("json")(boards))
    assert [row["cells"]["auroc"]["value"] for row in read[0]["rows"]] == [
        row.cells["auroc"].value for row in boards[0].rows
    ]
    assert read[0]["rows"][0]["origin"]["source"] == "paper & Z"
    assert read[1]["marks"] == ["quick", "synthetic"]


def test_csv_holds_a_line_for_each_row_in_full_precision(boards):
    lines = list(csv.DictReader(io.StringIO(writer("csv")(boards))))
    rows = [row for board in boards for row in board.rows]
    assert [float(line["value"]) for line in lines] == [row.cells["auroc"].value for row in rows]
    assert [line["method"] for line in lines] == [row.name for row in rows]
    assert {line["board"] for line in lines} == {"1", "2"}
    (ours,) = [line for line in lines if line["method"] == "fanogan"]
    bounds = next(row for row in rows if row.name == "fanogan").cells["auroc"].bounds
    assert (float(ours["low"]), float(ours["high"]), ours["seeds"]) == (bounds.low, bounds.high, "0 1")
    assert float(ours["au_spro@0.05"]) == 0.25


def cells_of(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_tables_have_as_many_cells_in_every_line(boards):
    text = writer("markdown")(boards)
    tables = [line for line in text.splitlines() if line.startswith("|")]
    first = tables[: len(boards[0].rows) + 2]
    assert {len(cells_of(line)) for line in first} == {6}
    assert cells_of(first[2])[2] == "**1.000**"
    nasty = next(line for line in first if "50%" in line)
    unescaped = re.sub(r"\\([\\`*_{}\[\]<>|~#])", r"\1", cells_of(nasty)[1])
    assert unescaped == NASTY
    assert sum("≈" in line for line in first) == 1
    assert "(quick, synthetic)" in text


class Cells(HTMLParser):
    """Texts of all table cells, a list for each table row, and which of them are strong."""

    def __init__(self):
        super().__init__()
        self.rows, self.strong, self._open = [], [], None

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self._open = tag

    def handle_data(self, data):
        if self._open in ("td", "th", "strong"):
            self.rows[-1][-1] += data
        if self._open == "strong":
            self.strong.append(data)

    def handle_endtag(self, tag):
        self._open = None


def test_html_reads_back_and_needs_nothing_else(boards):
    text = writer("html")(boards)
    parsed = Cells()
    parsed.feed(text)
    names = [row[1] for row in parsed.rows if row[0] != "rank"]
    assert [name.removesuffix(" (trivial)") for name in names] == [row.name for board in boards for row in board.rows]
    assert parsed.strong[0] == "1.000"
    assert html.escape(NASTY) in text
    assert "<b>" not in text
    assert not re.search(r"""(src|href)=|url\(|@import""", text)
    assert "<mark>" in text.split("</h2>")[2]


def test_terminal_text_holds_figures_and_footer_at_any_width(boards):
    text = writer("terminal")(boards)
    assert "1.000" in text
    assert "line to beat" in text
    assert "(quick, synthetic)" in text
    assert re.search(r"grey \(trivial\)", text)


# ----------------------------------------------------------------------------------------- LaTeX


def test_latex_tables_have_as_many_cells_as_columns(boards):
    text = latex.write(boards)
    tables = re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL)
    assert len(tables) == 2
    for (alignment, body), board in zip(tables, boards, strict=True):
        lines = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert len(lines) == 1 + len(board.rows)
        assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines} == {len(alignment)}
        for rule in ("toprule", "midrule", "bottomrule"):
            assert body.count(rf"\{rule}") == 1
    assert r"\textbf{1.000}" in tables[0][1]
    assert tables[0][1].count(r"\approx") == 1


def test_latex_has_one_macro_for_each_figure_with_a_unique_name_of_letters(boards):
    macros = re.findall(r"\\newcommand\{\\([^}]*)\}\{([^}]*)\}", latex.write(boards))
    assert len(macros) == sum(len(row.cells) for board in boards for row in board.rows)
    names = [name for name, _ in macros]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[A-Za-z]+", name) for name in names)
    assert dict(macros)["benchToyStandardAurocZ"] == "1.000"
    assert dict(macros)["benchToyStandardAurocAuSproZeroZeroFiveFanogan"] == "0.250"


def test_a_name_that_would_stand_for_several_figures_is_not_defined():
    lines = list(latex.definitions([("benchA", "1"), ("benchB", "2"), ("benchA", "3")]))
    assert lines == [r"\newcommand{\benchB}{2}", r"% \benchA is not defined: 2 rows are called so"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"protocol": "folder bolts"}, "FolderBolts"),
        ({"dataset_params": {"train_scans": 32}}, "TrainScansThreeTwo"),
        ({"data": {"": "0123456789"}}, "DataZeroOneTwoThreeFourFiveSixSeven"),
    ],
)
def test_a_macro_never_comes_to_mean_the_figure_of_another_board(boards, changes, told):
    """Prose that cites it would say something else; an unknown name stops LaTeX instead."""
    mine = replace(boards[0], protocol="folder screws", dataset_params={"train_scans": 64}, data={"": "fedcba9876"})
    other = replace(mine, **changes)
    alone, *both = (
        set(re.findall(r"newcommand\{\\([^}]*)\}", latex.write(boards)))
        for boards in ([mine], [mine, other], [other, mine])
    )
    assert both[0] == both[1]
    assert not alone & both[0]
    assert len(both[0]) == 2 * len(alone)
    assert sum(told in name for name in both[0]) == len(alone)


@pytest.mark.parametrize("character", r"%&#$_{}")
def test_latex_characters_are_escaped(character):
    assert latex.escape(f"a{character}b") == f"a\\{character}b"


def test_latex_braces_are_balanced(boards):
    text = re.sub(r"\\[{}%]", "", latex.write(boards))
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed: LaTeX is checked by structure")
def test_latex_compiles_as_it_is(boards, store, tmp_path):
    published = leaderboard(Known.read(store), "mvtec-loco") + leaderboard(Known.read(store), "resc")
    (tmp_path / "board.tex").write_text(latex.write([*boards, *published]), encoding="utf-8")
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs}\usepackage[T1]{fontenc}\begin{document}\input{board}"
        r"f-AnoGAN reaches \benchMvtecLocoPublishedAurocFAnoGAN.\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"], cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_the_nearest_of_an_unknown_format_is_named():
    with pytest.raises(ConfigError, match="Did you mean latex"):
        writer("latx")
