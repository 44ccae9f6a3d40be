"""The Java API, built, and a virtual machine that takes calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .kit import HAS_JDK, Driver, build_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not HAS_JDK:
        pytest.skip("no javac: ./run test installs a JDK")
    folder = tmp_path_factory.mktemp("classes")
    build_all(folder)
    return folder


@pytest.fixture(scope="session")
def machine(classes: Path) -> Iterator[Driver]:
    """Under -Xcheck:jni, which ends it where our C breaks a rule of JNI."""
    driver = Driver(classes, "-Xcheck:jni")
    yield driver
    driver.end()
    ours = [line for line in driver.noise if "WARNING in native method" in line or "FATAL" in line]
    assert not ours, "".join(driver.noise)


@pytest.fixture
def java(machine: Driver) -> Iterator[Driver]:
    """The same virtual machine for all, with no capture open."""
    yield machine
    machine("close")
    machine("none")
