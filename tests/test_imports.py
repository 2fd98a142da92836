"""Who imports whom, that no two files import each other, and that --help waits for nothing heavy."""

import ast
import graphlib
import subprocess
import sys

import pytest
from helpers import ROOT

ROOMS = ["analysis", "benchmarks", "data", "model", "nanosched", "schedulers", "studies", "sweep", "theory"]


def test_the_rules_of_pyproject_hold():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as f; f()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_two_files_import_each_other_not_even_by_way_of_others():
    import grimp

    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError with the circle in it


@pytest.mark.parametrize(
    "script, rooms",
    [
        ("train.py", {"data", "model", "nanosched", "schedulers"}),
        ("compare.py", {"request", "analysis", "data", "nanosched", "schedulers", "sweep"}),
        ("request.py", {"analysis", "data", "nanosched", "schedulers", "sweep"}),
    ],
)
def test_the_scripts_stand_on_the_rooms_below_them(script, rooms):
    imported = set()
    for node in ast.walk(ast.parse((ROOT / script).read_text())):
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module)
        elif isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
    ours = {name.partition(".")[0] for name in imported} & {*ROOMS, "train", "compare", "request"}
    assert ours == rooms


@pytest.mark.parametrize("script", ["train.py", "compare.py"])
def test_help_waits_for_nothing_heavy(script):
    code = f"""
import runpy, sys
sys.argv = ["{script}", "--help"]
try:
    runpy.run_path("{script}", run_name="__main__")
except SystemExit:
    heavy = {{"torch", "datasets", "matplotlib", "plotly", "scipy", "tiktoken", "pandas", "ray"}}
    sys.stderr.write(" ".join(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "--peak" in done.stdout and done.stderr == "", done.stderr
