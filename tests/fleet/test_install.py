"""The farm's own app onto a device: what Android answers, and what the farm makes of it."""

from __future__ import annotations

import pytest

from farm.android import refusals
from farm.android.command import Said
from farm.android.commands.packages import Refused, parse_done
from farm.errors import AppError, FarmError, InfrastructureError, StorageError

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
            InfrastructureError,
        ),
        ("Failure [INSTALL_FAILED_OLDER_SDK]", "INSTALL_FAILED_OLDER_SDK", AppError),
        ("Failure [INSTALL_FAILED_INSUFFICIENT_STORAGE]", "INSTALL_FAILED_INSUFFICIENT_STORAGE", StorageError),
        (
            "Failure [INSTALL_FAILED_USER_RESTRICTED: Install canceled by user]",
            "INSTALL_FAILED_USER_RESTRICTED",
            InfrastructureError,
        ),
        (
            "Failure [-124: Failed parse during installPackageLI: Targeting R+ needs alignment]",
            "-124",
            AppError,
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
        made = refusals.error(found.code, found.words, "here")
        assert type(made) is kind
        assert made.remedy


@pytest.mark.parametrize("code", sorted(refusals.KNOWN))
def test_every_refusal_has_a_class_and_a_remedy(code: str) -> None:
    known = refusals.KNOWN[code]
    found = parse_done(Said(f"Failure [{code}: in Android's words]", "", 1))
    assert found == Refused(code, "in Android's words")
    made = refusals.error(code, "in Android's words", "here")
    assert code in str(made)
    assert made.remedy == known.remedy
    assert isinstance(made, InfrastructureError) == (known.kind in {"human", "in-the-way", "storage", "system"})
    if code.startswith("INSTALL_"):  # Android 7 and before tell some by their number alone
        assert refusals.known(str(known.number)) == known
    assert refusals.in_the_way(code) == (known.kind == "in-the-way")


def test_a_code_of_a_makers_own_is_told_as_it_came() -> None:
    made = refusals.error("INSTALL_FAILED_HYPEROS_ISOLATION_VIOLATION", "", "here")
    assert "INSTALL_FAILED_HYPEROS_ISOLATION_VIOLATION" in str(made)
    assert isinstance(made, InfrastructureError)
    assert "-3001" in str(refusals.error("-3001", "rejected", "here"))
