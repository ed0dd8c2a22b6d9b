"""The types that type checkers see: those of the module, and what they make of a program."""

import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("mypy")

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
TYPES = PACKAGE / "tests" / "types"
GOLDEN = PACKAGE.parents[1] / "tests" / "tools" / "golden"
CONFIGURATION = PACKAGE / "pyproject.toml"


def run(folder: pathlib.Path, module: str, *arguments: object) -> str:
    """What it has to say: nothing, or with which status it ended and why."""
    # Elsewhere than beside the sources: what is installed is looked at.
    command = [sys.executable, "-B", "-m", module, *map(str, arguments)]
    environment = {"PATH": "/usr/bin:/bin", "MYPY_CACHE_DIR": str(folder / "cache"), "MYPYPATH": str(GOLDEN)}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return f"{ran.returncode}: {ran.stdout}{ran.stderr}" if ran.returncode != 0 else ""


def test_the_stub_says_what_the_module_has(tmp_path):
    allowed = ("--allowlist", TYPES / "allowlist", "--ignore-unused-allowlist", "--concise")
    assert run(tmp_path, "mypy.stubtest", "ringmail", "--mypy-config-file", CONFIGURATION, *allowed) == ""


def test_a_program_may_do_what_is_right_and_nothing_else(tmp_path):
    """What is no mistake, and marked as one, is a mistake as well: so mypy also refuses what it should."""
    assert run(tmp_path, "mypy", "--config-file", CONFIGURATION, TYPES / "use.py") == ""


def test_the_package_is_what_it_says(tmp_path):
    assert run(tmp_path, "mypy", "--config-file", CONFIGURATION, "-p", "ringmail") == ""
