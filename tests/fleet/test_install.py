"""The farm's own app onto a device: what Android answers, and what the farm makes of it."""

from __future__ import annotations

import pytest

from farm.android.command import Said
from farm.android.commands.packages import parse_done
from farm.errors import AppError, FarmError, InfrastructureError, StorageError
from farm.fleet.install import error

# Android's own: frameworks/base, PackageManagerShellCommand.doCommitSession prints `Success`, or
# `"Failure [" + result.getStringExtra(PackageInstaller.EXTRA_STATUS_MESSAGE) + "]"`; Pm.java of Android 7 and before has
# `Failure [INSTALL_FAILED_...]`, codes without a name as numbers.


@pytest.mark.parametrize(
    ("text", "code", "kind"),
    [
        ("Performing Streamed Install\nSuccess\n", "", None),
        (
            "Failure [INSTALL_FAILED_UPDATE_INCOMPATIBLE: Package dev.exray.bench signatures do not match previously "
            "installed version; ignoring!]",
            "INSTALL_FAILED_UPDATE_INCOMPATIBLE",
            AppError,
        ),
        ("Failure [INSTALL_FAILED_INSUFFICIENT_STORAGE]", "INSTALL_FAILED_INSUFFICIENT_STORAGE", StorageError),
        (
            "Failure [INSTALL_FAILED_USER_RESTRICTED: Install canceled by user]",
            "INSTALL_FAILED_USER_RESTRICTED",
            InfrastructureError,
        ),
        (
            "Failure [-124: Failed parse during installPackageLI: Targeting R+ needs alignment]",
            "",
            InfrastructureError,
        ),
        ("Error: java.lang.NullPointerException", "", InfrastructureError),
        ("", "", InfrastructureError),
    ],
)
def test_what_android_answers(text: str, code: str, kind: type[FarmError] | None) -> None:
    found = parse_done(Said(text, "", 0))
    assert (found.code if found is not None else "") == code
    assert (found is None) == (kind is None)
    if found is not None:
        made = error(found, "here")
        assert type(made) is kind
        assert made.remedy
