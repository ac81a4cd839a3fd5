"""Nothing that is read can run code: no pickle, no eval, YAML by the safe loader. Looked for in the code itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for part in ("bench", "methods", "datasets") for path in (ROOT / part).rglob("*.py"))
REFUSED_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
HARMLESS = {"UnpicklingError"}  # the class of an error
REFUSED_CALLS = {
    "eval", "exec", "compile", "__import__", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system",
    "pd.read_pickle", "pandas.read_pickle", "torch.hub.load", "torch.package",
}  # fmt: skip


def offences(source: str) -> list[str]:
    """What of a file could run code that it read, by line."""
    return [f"{node.lineno}: {offence}" for node in ast.walk(ast.parse(source)) for offence in _of(node)]


def _of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.partition(".")[0] in REFUSED_MODULES]
    if isinstance(node, ast.ImportFrom):
        is_refused = (node.module or "").partition(".")[0] in REFUSED_MODULES
        return [str(node.module)] if is_refused and {alias.name for alias in node.names} != HARMLESS else []
    return _of_call(node) if isinstance(node, ast.Call) else []


def _of_call(node: ast.Call) -> list[str]:
    name = ast.unparse(node.func)
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    found = [name] if name in REFUSED_CALLS or name.endswith(".to_pickle") else []
    found += ["allow_pickle"] if options.get("allow_pickle", "False") != "False" else []
    found += (
        ["torch.load without weights_only"] if name == "torch.load" and options.get("weights_only") != "True" else []
    )
    found += ["shell=True"] if options.get("shell", "False") != "False" else []
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_is_trusted_with_code(file):
    assert offences(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from joblib import load", "import numpy as np\nnp.load('a', allow_pickle=True)",
        "torch.load(f)", "torch.load(f, weights_only=False)", "yaml.load(t, Loader=L)", "eval('1')",
        "frame.to_pickle('a')", "subprocess.run('ls', shell=True)", "import numpy as np\nnp.load('a', allow_pickle=x)",
    ],
)  # fmt: skip
def test_the_search_finds_what_it_looks_for(source):
    assert len(offences(source)) == 1


@pytest.mark.parametrize(
    "source",
    ["torch.load(f, weights_only=True)", "yaml.safe_load(t)", "np.load('a')", "np.load('a', allow_pickle=False)"],
)
def test_the_search_lets_pass_what_is_safe(source):
    assert offences(source) == []
