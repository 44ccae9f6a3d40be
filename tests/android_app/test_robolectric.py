"""The benchmark app on Android's own code, without a phone: what it takes, says, shows and reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.android_app import robolectric

if TYPE_CHECKING:
    from pathlib import Path

SUITES = ("ArgumentsTest", "OutcomeTest")

pytestmark = [
    pytest.mark.xdist_group("robolectric"),
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(robolectric.MISSING), reason=f"no {', '.join(robolectric.MISSING)}: ./run test installs them"
    ),
]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[robolectric.Case]]:
    work = tmp_path_factory.mktemp("robolectric")
    return robolectric.run(robolectric.compiled(work), work, *SUITES)


@pytest.mark.parametrize("suite", SUITES)
def test_on_android(cases: dict[str, list[robolectric.Case]], suite: str) -> None:
    failed = {case.name: case.failure for case in cases[suite] if case.failure}
    assert not failed, "\n".join(f"{name}: {why}" for name, why in failed.items())
    assert cases[suite]
