"""A compiled module is found and loaded without its package."""

from pathlib import Path

import pytest

from runtime.extension import compiled, load_extension, package_folder


def test_a_module_is_found_and_loaded_without_its_package() -> None:
    folder = package_folder("scipy")
    assert folder is not None
    file = compiled(folder / "linalg", "_flapack")
    assert file is not None
    assert callable(load_extension("scipy.linalg._flapack", file).dpbtrf)


def test_what_is_not_there_is_none() -> None:
    assert package_folder("no_such_package") is None
    folder = package_folder("scipy")
    assert folder is not None
    assert compiled(folder, "no_such_module") is None


def test_a_file_that_is_no_module_is_an_import_error(tmp_path: Path) -> None:
    file = tmp_path / "broken.so"
    file.write_bytes(b"not a library")
    with pytest.raises(ImportError):
        load_extension("broken", file)
