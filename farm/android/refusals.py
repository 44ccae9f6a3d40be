"""What Android's package manager refuses, and what to do about it.

Codes and numbers from AOSP, core/java/android/content/pm/PackageManager.java (INSTALL_*, DELETE_*; to Android 15).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from farm.errors import AppError, FarmError, InfrastructureError, StorageError

Kind = Literal["human", "in-the-way", "storage", "file", "device", "system"]
"""Who can help: somebody at the device; the farm, by removing its own app first; who frees storage; who built the file;
nobody, since the device takes no such app; the device, after a restart."""
_REMEDIES: dict[Kind, str] = {
    "human": "look at the device's screen and its developer options",
    "in-the-way": "adb uninstall dev.exray.bench, then run it again",
    "storage": "free some storage on the device",
    "file": "./run apk builds the app anew; [app] apk names another file",
    "device": "take another device, or --context shell",
    "system": "restart the device",
}
_ERRORS: dict[Kind, type[FarmError]] = {
    "human": InfrastructureError,
    "in-the-way": InfrastructureError,
    "storage": StorageError,
    "file": AppError,
    "device": AppError,
    "system": InfrastructureError,
}
_TEXT = """
-1 INSTALL_FAILED_ALREADY_EXISTS in-the-way
-2 INSTALL_FAILED_INVALID_APK file
-3 INSTALL_FAILED_INVALID_URI system
-4 INSTALL_FAILED_INSUFFICIENT_STORAGE storage
-5 INSTALL_FAILED_DUPLICATE_PACKAGE in-the-way
-6 INSTALL_FAILED_NO_SHARED_USER file
-7 INSTALL_FAILED_UPDATE_INCOMPATIBLE in-the-way
-8 INSTALL_FAILED_SHARED_USER_INCOMPATIBLE in-the-way
-9 INSTALL_FAILED_MISSING_SHARED_LIBRARY device
-10 INSTALL_FAILED_REPLACE_COULDNT_DELETE in-the-way
-11 INSTALL_FAILED_DEXOPT storage it compiles the app while installing, which wants room
-12 INSTALL_FAILED_OLDER_SDK device the app wants Android 8 or later
-13 INSTALL_FAILED_CONFLICTING_PROVIDER file
-14 INSTALL_FAILED_NEWER_SDK device
-15 INSTALL_FAILED_TEST_ONLY file
-16 INSTALL_FAILED_CPU_ABI_INCOMPATIBLE device the app has libraries for arm64-v8a and x86_64
-17 INSTALL_FAILED_MISSING_FEATURE device
-18 INSTALL_FAILED_CONTAINER_ERROR system
-19 INSTALL_FAILED_INVALID_INSTALL_LOCATION file
-20 INSTALL_FAILED_MEDIA_UNAVAILABLE system
-21 INSTALL_FAILED_VERIFICATION_TIMEOUT human turn off 'Verify apps over USB' in the device's developer options
-22 INSTALL_FAILED_VERIFICATION_FAILURE human turn off 'Verify apps over USB' in the device's developer options
-23 INSTALL_FAILED_PACKAGE_CHANGED in-the-way
-24 INSTALL_FAILED_UID_CHANGED in-the-way
-25 INSTALL_FAILED_VERSION_DOWNGRADE in-the-way
-26 INSTALL_FAILED_PERMISSION_MODEL_DOWNGRADE in-the-way
-27 INSTALL_FAILED_SANDBOX_VERSION_DOWNGRADE in-the-way
-28 INSTALL_FAILED_MISSING_SPLIT file
-29 INSTALL_FAILED_DEPRECATED_SDK_VERSION device
-100 INSTALL_PARSE_FAILED_NOT_APK file
-101 INSTALL_PARSE_FAILED_BAD_MANIFEST file
-102 INSTALL_PARSE_FAILED_UNEXPECTED_EXCEPTION file
-103 INSTALL_PARSE_FAILED_NO_CERTIFICATES file it is not signed, or its signature does not hold: build it anew, ./run apk
-104 INSTALL_PARSE_FAILED_INCONSISTENT_CERTIFICATES in-the-way
-105 INSTALL_PARSE_FAILED_CERTIFICATE_ENCODING file
-106 INSTALL_PARSE_FAILED_BAD_PACKAGE_NAME file
-107 INSTALL_PARSE_FAILED_BAD_SHARED_USER_ID file
-108 INSTALL_PARSE_FAILED_MANIFEST_MALFORMED file
-109 INSTALL_PARSE_FAILED_MANIFEST_EMPTY file
-110 INSTALL_FAILED_INTERNAL_ERROR system
-111 INSTALL_FAILED_USER_RESTRICTED human allow installation over USB in the device's developer options
-112 INSTALL_FAILED_DUPLICATE_PERMISSION file
-113 INSTALL_FAILED_NO_MATCHING_ABIS device the app has libraries for arm64-v8a and x86_64
-115 INSTALL_FAILED_ABORTED human confirm the installation on the device, or turn its question off in the developer options
-116 INSTALL_FAILED_SESSION_INVALID system
-117 INSTALL_FAILED_BAD_DEX_METADATA file
-118 INSTALL_FAILED_BAD_SIGNATURE file
-119 INSTALL_FAILED_OTHER_STAGED_SESSION_IN_PROGRESS system an update waits for a restart of the device
-120 INSTALL_FAILED_MULTIPACKAGE_INCONSISTENCY file
-121 INSTALL_FAILED_WRONG_INSTALLED_VERSION in-the-way
-122 INSTALL_FAILED_PROCESS_NOT_DEFINED file
-123 INSTALL_PARSE_FAILED_ONLY_COREAPP_ALLOWED system it is not through with starting: wait, or restart the device
-124 INSTALL_PARSE_FAILED_RESOURCES_ARSC_COMPRESSED file
-125 INSTALL_PARSE_FAILED_SKIPPED file
-126 INSTALL_FAILED_DUPLICATE_PERMISSION_GROUP file
-127 INSTALL_FAILED_BAD_PERMISSION_GROUP file
-128 INSTALL_ACTIVATION_FAILED system
-129 INSTALL_FAILED_PRE_APPROVAL_NOT_AVAILABLE human
-130 INSTALL_FAILED_SHARED_LIBRARY_BAD_CERTIFICATE_DIGEST device
-131 INSTALL_FAILED_MULTI_ARCH_NOT_MATCH_ALL_NATIVE_ABIS device
-1 DELETE_FAILED_INTERNAL_ERROR system
-2 DELETE_FAILED_DEVICE_POLICY_MANAGER human the app is a device administrator there: end that in its settings
-3 DELETE_FAILED_USER_RESTRICTED human its owner may not uninstall apps: end that in its settings
-4 DELETE_FAILED_OWNER_BLOCKED human its device owner keeps apps: end that in its settings
-5 DELETE_FAILED_ABORTED system
-6 DELETE_FAILED_USED_SHARED_LIBRARY system
-7 DELETE_FAILED_APP_PINNED human the app is pinned to its screen: unpin it
"""


@dataclass(frozen=True)
class Known:
    """One code."""

    number: int
    code: str
    kind: Kind
    remedy: str


def _read(text: str) -> dict[str, Known]:
    found = {}
    for line in text.split("\n"):
        if line:
            number, code, kind, *words = line.split(" ")
            assert kind in _ERRORS  # noqa: S101  # of the table above
            known: Kind = kind
            found[code] = Known(int(number), code, known, " ".join(words) or _REMEDIES[known])
    return found


KNOWN = _read(_TEXT)


def known(code: str) -> Known | None:
    """By its word, or an install's number: old versions name some codes by that alone."""
    if re.fullmatch(r"-[0-9]{1,4}", code):
        return next((k for k in KNOWN.values() if k.number == int(code) and k.code.startswith("INSTALL_")), None)
    return KNOWN.get(code)


def in_the_way(code: str) -> bool:
    """Whether what is installed keeps another build off; the farm's own app is removed first then."""
    found = known(code)
    return found is not None and found.kind == "in-the-way"


def error(code: str, words: str, where: str) -> FarmError:
    """A refusal as an error of ours. Makers have codes of their own: those that are unknown are told as they came."""
    found = known(code)
    said = f"cannot be installed: {code if found is None else found.code}".rstrip(" :")
    said = f"{said} ({words[-300:]})" if words else said
    if found is not None:
        return _ERRORS[found.kind](said, where=where, remedy=found.remedy)
    if code.startswith(("INSTALL_", "DELETE_", "-")):
        return InfrastructureError(said, where=where, remedy=f"a code of its maker's: {_REMEDIES['human']}")
    return InfrastructureError(said, where=where, remedy="is the device's package manager alive? restart it")
