"""Every test that a page names is there, so that the page cannot rot.

    traps.py PAGE CTEST BUILD_DIRECTORY PYTHON_TESTS

A name is that of a test of ctest, of a test of ctest for each of its parameters, or python.pytest.<function>.
"""

import json
import pathlib
import re
import subprocess
import sys

page, ctest, build, python_tests = sys.argv[1:]

listed = json.loads(
    subprocess.run([ctest, "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True).stdout
)
known = {test["name"] for test in listed["tests"]}
known |= {name.rpartition("/")[0] for name in known if "/" in name}
for path in pathlib.Path(python_tests).glob("test_*.py"):
    known |= {"python.pytest." + name for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}

# Where there is no spin there are no models, and CMake has warned of it.
has_models = any(name.startswith("models.") for name in known)

rows = [line for line in pathlib.Path(page).read_text().splitlines() if line.startswith("| ")][1:]
missing = []
for row in rows:
    trap, *_, tests = (cell.strip() for cell in row.strip("|").split("|"))
    names = re.findall(r"`([^`]+)`", tests)
    if not names:
        missing.append(f"{trap}: no test is named")
    missing += [f"{trap}: there is no test {name}" for name in names if name not in known and (has_models or not name.startswith("models."))]
print("\n".join(missing) or f"{len(rows)} traps, and every test is there")
sys.exit(1 if missing or not rows else 0)
