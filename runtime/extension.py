"""Loads one compiled module of a package without the package, whose import may take far longer."""

import importlib.util
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader
from pathlib import Path
from types import ModuleType


def package_folder(package: str) -> Path | None:
    """Return the folder of a package that may not be imported yet; None if it is not installed."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) if folders else None


def compiled(folder: Path, name: str) -> Path | None:
    """Return the file of a compiled module in a folder; None if there is none for this Python."""
    files = (folder / f"{name}{suffix}" for suffix in EXTENSION_SUFFIXES)
    return next((file for file in files if file.is_file()), None)


def load_extension(name: str, file: Path) -> ModuleType:
    """Load a compiled module under its full name; raise ImportError if it cannot be loaded alone."""
    loader = ExtensionFileLoader(name, str(file))
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    assert spec is not None, file
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
