"""Compiles the C++ listings of pages, those of a page one behind the other as one file.

    listings.py COMPILER INCLUDE_DIRECTORIES PAGE...        directories separated by ';'
"""

import re
import subprocess
import sys

compiler, directories, *pages = sys.argv[1:]
includes = [f"-I{directory}" for directory in directories.split(";") if directory]
for page in pages:
    with open(page, encoding="utf-8") as file:
        listings = re.findall(r"^```cpp\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    assert listings, f"{page} has no listing"
    command = [compiler, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *includes, "-x", "c++", "-"]
    subprocess.run(command, input="\n".join(listings).encode(), check=True)
