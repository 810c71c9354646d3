"""The package: what it says of itself, its types, and that it imports nothing large."""
import ast
import importlib.metadata
import inspect
import pathlib
import pkgutil
import subprocess
import sys

import pytest
import rnncell
from rnncell import _rnncell

FOLDER = pathlib.Path(rnncell.__file__).parent


def test_the_version_is_that_of_the_library():
    assert rnncell.__version__ == importlib.metadata.version("rnncell")
    info = rnncell.build_info()
    assert info["version"] == rnncell.__version__ and info["threads"] >= 1
    assert info["isa"] in info["available"]


def test_numpy_is_not_imported():
    program = "import sys, rnncell; rnncell.Cell.stock('gru').equations; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_library_is_in_the_package():
    assert (FOLDER / "librnncell.so.1").is_file() and (FOLDER / "py.typed").is_file()
    assert any(path.name.endswith(".abi3.so") for path in FOLDER.iterdir())


def test_names_that_come_late_are_listed_and_known_to_type_checkers():
    assert set(rnncell.__all__) <= set(dir(rnncell))
    said = set()
    for node in ast.walk(ast.parse((FOLDER / "__init__.py").read_text())):
        said |= {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
        said |= {node.name} if isinstance(node, ast.FunctionDef) else set()
    assert set(rnncell.__all__) <= said


@pytest.mark.parametrize("name", rnncell.__all__)
def test_every_public_name_is_documented(name):
    value = getattr(rnncell, name)
    assert (inspect.getdoc(value) or "").strip(), name
    if inspect.isclass(value) and value.__module__.startswith("rnncell."):
        for method, member in vars(value).items():
            if not method.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                assert inspect.getdoc(member), f"{name}.{method}"


def annotated(path):
    """Functions of a file that lack a type, by their names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            names = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            bare = [one.arg for one in names if one.annotation is None and one.arg not in ("self", "cls")]
            if node.returns is None or bare:
                yield node.name


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.name)
def test_every_function_has_types(path):
    untyped = set(annotated(path))
    assert not untyped


def test_the_stub_declares_what_the_extension_has():
    stub = ast.parse((FOLDER / "_rnncell.pyi").read_text())
    declared = {node.name: node for node in stub.body
                if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    present = {name for name in dir(_rnncell) if not name.startswith("_")}
    assert set(declared) == present
    for name, node in declared.items():
        value = getattr(_rnncell, name)
        if isinstance(node, ast.ClassDef) and not issubclass(value, Exception):
            methods = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
            own = {one for one in vars(value) if not one.startswith("__")}
            assert own <= methods, name


@pytest.mark.parametrize("kind", ["Array", "Cell", "Network", "Tape", "Stream", "Corpus", "Model", "Study"])
def test_handles_are_not_made_or_changed_by_hand(kind):
    with pytest.raises(TypeError):
        getattr(_rnncell, kind)()
    with pytest.raises(TypeError):
        getattr(_rnncell, kind).hidden = 1


def test_every_module_can_be_imported():
    for module in pkgutil.walk_packages([str(FOLDER)], "rnncell."):
        # The peers of the bench import libraries that are not needed otherwise.
        if not module.name.endswith("__main__") and ".peers.with_" not in module.name:
            __import__(module.name)
