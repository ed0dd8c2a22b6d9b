"""Checks a model exhaustively, as it stands and with each seeded fault, which must be found.

    check.py MODEL.pml [NAME ...]        names are defined for the preprocessor; a model with a fault must fail

Exit code 0: the model without faults holds, or the one with a fault does not.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

VARIANTS = {"ASYMMETRIC"}  # not a fault: another form of the protocol


def errors(model: Path, names: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        run = lambda *command: subprocess.run(command, cwd=folder, check=True, text=True, stdout=subprocess.PIPE).stdout
        for file in model.parent.glob("*.pml"):
            Path(folder, file.name).write_text(file.read_text())
        run("spin", *(f"-D{name}" for name in names), "-a", model.name)
        run("cc", "-O1", "-w", "-DSAFETY", "-DVECTORSZ=2048", "-o", "pan", "pan.c")
        report = run("./pan", "-m1000000")
    if "max search depth too small" in report or "Search not completed" in report and "errors: 0" in report:
        sys.exit(f"the search was not exhaustive:\n{report}")
    states = re.search(r"(\d+) states, stored", report)
    found = re.search(r"errors: (\d+)", report)
    if states is None or found is None:
        sys.exit(f"pan said nothing that is known here:\n{report}")
    print(f"{model.stem} {' '.join(names)}: {found[1]} errors, {states[1]} states")
    # The claim stands in init, behind the end of everything else. One that is never reached always holds.
    if found[1] == "0" and re.search(r"unreached in init\n\t\(0 of", report) is None:
        sys.exit(f"the claim was never checked:\n{report}")
    return int(found[1])


model, names = Path(sys.argv[1]), sys.argv[2:]
has_fault = any(name not in VARIANTS for name in names)
sys.exit(0 if (errors(model, names) > 0) == has_fault else 1)
