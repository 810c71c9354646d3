"""Builds the extension against librnncell.so.1, which goes into the package beside it."""
import os
import pathlib
import re
import shutil

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIBRARY = pathlib.Path(os.environ.get("RNNCELL_LIBRARY", ROOT / "build/lib/librnncell.so.1"))
INCLUDE = pathlib.Path(os.environ.get("RNNCELL_INCLUDE", ROOT / "Include"))
BUILD = ROOT / "build" / "python"

for needed, variable, remedy in (
    (LIBRARY, "RNNCELL_LIBRARY", "run `make lib` first"),
    (INCLUDE / "rnncell.h", "RNNCELL_INCLUDE", "name the directory of rnncell.h"),
):
    if not needed.exists():
        raise SystemExit(f"{needed} is not there; {remedy}, or set {variable}")

numbers = re.findall(
    r"#define RNNCELL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", (INCLUDE / "rnncell.h").read_text()
)
(BUILD / "info").mkdir(parents=True, exist_ok=True)


class BuildPackage(build_py):
    """Copies the library into the package, so that the wheel needs no other."""

    def run(self):
        super().run()
        place = pathlib.Path(self.build_lib) / "rnncell"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(LIBRARY, place / "librnncell.so.1")


class BuildExtension(build_ext):
    """Links the extension to the library by its path, and finds it beside itself when it runs."""

    def build_extension(self, extension):
        extension.extra_objects = [str(LIBRARY.resolve())]
        super().build_extension(extension)


setup(
    version=".".join(numbers),
    cmdclass={"build_py": BuildPackage, "build_ext": BuildExtension},
    ext_modules=[
        Extension(
            "rnncell._rnncell",
            sources=sorted(str(path.relative_to(HERE)) for path in HERE.glob("src/*.c")),
            depends=["src/binding.h", "src/peak.h", str(INCLUDE / "rnncell.h")],
            include_dirs=[str(INCLUDE)],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-std=c11", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
            extra_link_args=["-Wl,-rpath,$ORIGIN"],
            py_limited_api=True,
        )
    ],
    options={
        "bdist_wheel": {"py_limited_api": "cp311"},
        "build": {"build_base": str(BUILD)},
        "egg_info": {"egg_base": str(BUILD / "info")},
    },
)
