"""What browsers are served of others' work is what those others published."""

from __future__ import annotations

import vendor

from farm.pages import assets


def test_every_file_is_as_npm_had_it() -> None:
    assert [line for library in vendor.LIBRARIES for line in vendor.wrong(library)] == []


def test_nothing_else_is_among_them_and_each_has_its_license() -> None:
    for library in vendor.LIBRARIES:
        there = {file.name for file in library.folder.iterdir()}
        assert there == {name.rpartition("/")[2] for name in library.files}
        assert any(name.startswith("LICENSE") for name in there)
    folders = {library.folder for library in vendor.LIBRARIES}
    assert {file.parent for file in vendor.STATIC.rglob("*") if file.is_file()} <= folders


def test_nothing_of_the_pages_own_is_asked_for_elsewhere() -> None:
    for name in assets.names():
        found = assets.asset(name)
        assert found is not None
        if not name.startswith("vendor/") and name.endswith((".css", ".js")):
            assert b"//" not in found.content.replace(b"// ", b""), name
