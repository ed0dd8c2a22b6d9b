"""Compiles the extension together with the sources of the transport, so that a compiler is all it takes."""

import pathlib
import shutil
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
PLATFORM = "darwin" if sys.platform == "darwin" else "linux"
TRANSPORT_PARTS = ("include", "src")


def transport() -> pathlib.Path:
    """In a source distribution the transport lies beside this file, in a clone two levels up."""
    for folder in (HERE / "transport", HERE.parent.parent / "transport"):
        if (folder / "include" / "ringmail.h").exists():
            return folder
    raise SystemExit("ringmail: transport/include/ringmail.h is missing: install from a clone of the whole project")


class BuildExtension(build_ext):
    """Gives each language its own standard, which setuptools cannot."""

    def build_extension(self, ext: Extension) -> None:
        folder = transport()
        sources = [*folder.glob("src/*.cpp"), *folder.glob(f"src/{PLATFORM}/*.cpp")]
        # Added here, because setuptools refuses absolute paths before, and relative ones would put the objects of what
        # lies above this folder outside of the build folder.
        ext.sources = [*ext.sources, *sorted(map(str, sources))]
        ext.include_dirs = [str(folder / "include"), *ext.include_dirs]
        ext.depends = [*ext.depends, *map(str, folder.rglob("*.h")), *map(str, folder.rglob("*.hpp"))]

        compile_one = self.compiler._compile

        def compile_with_standard(obj, src, extension, cc_args, extra_postargs, pp_opts):
            standard = "-std=c++23" if extension == ".cpp" else "-std=c11"
            compile_one(obj, src, extension, cc_args, [standard, *extra_postargs], pp_opts)

        self.compiler._compile = compile_with_standard
        super().build_extension(ext)


class SourceDistribution(sdist):
    def make_release_tree(self, base_dir, files) -> None:
        super().make_release_tree(base_dir, files)
        for part in TRANSPORT_PARTS:
            shutil.copytree(transport() / part, pathlib.Path(base_dir, "transport", part), dirs_exist_ok=True)


setup(
    package_dir={"": "src"},
    packages=["ringmail"],
    package_data={"ringmail": ["*.pyi", "py.typed"]},
    cmdclass={"build_ext": BuildExtension, "sdist": SourceDistribution},
    ext_modules=[
        Extension(
            "ringmail._ringmail",
            sources=sorted(str(path.relative_to(HERE)) for path in HERE.glob("src/native/*.c")),
            depends=["src/native/native.h"],
            extra_compile_args=["-fvisibility=hidden", "-Wall", "-Wextra"],
            language="c++",  # links the C++ runtime
        )
    ],
)
