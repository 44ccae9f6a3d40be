"""What an APK says of itself: its manifest in Android's binary XML, its native libraries, who signed it.

Formats from AOSP: frameworks/base/libs/androidfw/include/androidfw/ResourceTypes.h (ResXMLTree, ResStringPool) and
https://source.android.com/docs/security/features/apksigning/v2 (the signing block). Signatures are not verified: what is read is
the certificate that a build claims, and a device verifies.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import InputsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_LIMIT = 1 << 30
MANIFEST = "AndroidManifest.xml"
MANIFEST_LIMIT = 4 << 20
ENTRIES = 65_535
STRINGS = 65_536
DEPTH = 64
NAME, VERSION_CODE, VERSION_NAME = 0x01010003, 0x0101021B, 0x0101021C
DEBUGGABLE, TEST_ONLY, MIN_SDK, TARGET_SDK, TARGET_PACKAGE = 0x0101000F, 0x01010272, 0x0101020C, 0x01010270, 0x01010021
"""Numbers of attributes (frameworks/base, public-final.xml)."""
_XML, _POOL, _MAP, _START, _END = 0x0003, 0x0001, 0x0180, 0x0102, 0x0103
_UTF8 = 0x100
_NONE = 0xFFFFFFFF
_STRING, _BOOLEAN = 0x03, 0x12
_END_OF_ZIP = b"PK\x05\x06"
_MAGIC = b"APK Sig Block 42"
_SCHEMES = (0xF05368C0, 0x7109871A)
"""Version 3 before version 2."""

Value = str | int | bool


@dataclass(frozen=True)
class Element:
    """One of the manifest's: where it stands (`manifest/application`), and its attributes by number, or by name without one."""

    path: str
    attributes: dict[int | str, Value]


@dataclass(frozen=True)
class Apk:
    """One."""

    package: str
    version_code: int
    version_name: str
    debuggable: bool
    test_only: bool
    min_sdk: int
    target_sdk: int
    abis: tuple[str, ...]
    """Of native libraries; none: it runs on each."""
    instrumentations: tuple[str, ...]
    """Names of classes, the package before one that begins with a dot."""
    permissions: tuple[str, ...]
    signer: str
    """sha256 of the first certificate; empty: it is not signed by version 2 or 3."""


class _WrongError(Exception):
    """What is read does not fit the format."""


def read(path: Path) -> Apk:
    """Read a file.

    Raises:
        InputsError: it is no APK, or one that cannot be understood.
    """
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise _WrongError("it is larger than 1 GiB")
        data = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > ENTRIES:
                raise _WrongError("it has too many entries")
            manifest = next((e for e in entries if e.filename == MANIFEST), None)
            if manifest is None or manifest.file_size > MANIFEST_LIMIT:
                raise _WrongError(f"it has no {MANIFEST}" if manifest is None else "its manifest is too large")
            with archive.open(manifest) as file:
                found = list(elements(file.read(MANIFEST_LIMIT + 1)))
            abis = {parts[1] for e in entries if len(parts := e.filename.split("/")) == 3 and parts[0] == "lib"}
        return _of(found, tuple(sorted(abis)), signer(data))
    except (
        _WrongError,
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        ValueError,
        RuntimeError,
        EOFError,
    ) as e:
        raise InputsError(f"is no APK: {e}", where=str(path), remedy="build it anew: ./run apk") from e


def _of(found: list[Element], abis: tuple[str, ...], certificate: str) -> Apk:
    def all_of(path: str) -> list[dict[int | str, Value]]:
        return [element.attributes for element in found if element.path == path]

    top = (all_of("manifest") or [{}])[0]
    package = top.get("package")
    if not isinstance(package, str) or not package:
        raise _WrongError("its manifest names no package")
    application = (all_of("manifest/application") or [{}])[0]
    sdk = (all_of("manifest/uses-sdk") or [{}])[0]
    least = _number(sdk.get(MIN_SDK), 1)
    runners = [str(a.get(NAME, "")) for a in all_of("manifest/instrumentation")]
    return Apk(
        package=package,
        version_code=_number(top.get(VERSION_CODE), 0),
        version_name=str(top.get(VERSION_NAME, "")),
        debuggable=application.get(DEBUGGABLE) is True,
        test_only=application.get(TEST_ONLY) is True,
        min_sdk=least,
        target_sdk=_number(sdk.get(TARGET_SDK), least),
        abis=abis,
        instrumentations=tuple(f"{package}{name}" if name.startswith(".") else name for name in runners if name),
        permissions=tuple(str(a.get(NAME, "")) for a in all_of("manifest/uses-permission")),
        signer=certificate,
    )


def _number(value: Value | None, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def elements(xml: bytes) -> Iterator[Element]:
    """The elements of a binary XML document, each before those in it."""
    kind, _, size = struct.unpack_from("<HHI", xml)
    if kind != _XML or size > len(xml):
        raise _WrongError("its manifest is no binary XML")
    strings: list[str] = []
    numbers: tuple[int, ...] = ()
    place: list[str] = []
    at = 8
    while at + 8 <= size:
        kind, header, length = struct.unpack_from("<HHI", xml, at)
        if length < 8 or header < 8 or at + length > size:
            raise _WrongError("a part of its manifest is longer than the whole")
        part = xml[at : at + length]
        if kind == _POOL:
            strings = _strings(part)
        elif kind == _MAP:
            numbers = struct.unpack_from(f"<{(length - header) // 4}I", part, header)
        elif kind == _START:
            element = _element(part, header, strings, numbers)
            place.append(element.path)
            if len(place) > DEPTH:
                raise _WrongError("its manifest is too deep")
            yield Element("/".join(place), element.attributes)
        elif kind == _END and place:
            place.pop()
        at += length


def _element(part: bytes, header: int, strings: list[str], numbers: tuple[int, ...]) -> Element:
    _, name, start, size, count = struct.unpack_from("<IIHHH", part, header)
    found: dict[int | str, Value] = {}
    for index in range(count):
        at = header + start + index * size
        _, key, _, _, _, kind, data = struct.unpack_from("<IIIHBBI", part, at)
        value: Value = _text(strings, data) if kind == _STRING else bool(data) if kind == _BOOLEAN else data
        found[numbers[key] if key < len(numbers) else _text(strings, key)] = value
    return Element(_text(strings, name), found)


def _text(strings: list[str], index: int) -> str:
    if index == _NONE:
        return ""
    if index >= len(strings):
        raise _WrongError("its manifest names a text that is not there")
    return strings[index]


def _strings(part: bytes) -> list[str]:
    count, _, flags, start = struct.unpack_from("<IIII", part, 8)
    if count > STRINGS:
        raise _WrongError("its manifest has too many texts")
    offsets = struct.unpack_from(f"<{count}I", part, struct.unpack_from("<H", part, 2)[0])
    return [(_utf8 if flags & _UTF8 else _utf16)(part, start + offset) for offset in offsets]


def _utf8(part: bytes, at: int) -> str:
    _, at = _length(part, at, 1)  # in characters
    size, at = _length(part, at, 1)
    return part[at : at + size].decode("utf-8", "replace")


def _utf16(part: bytes, at: int) -> str:
    size, at = _length(part, at, 2)
    return part[at : at + 2 * size].decode("utf-16-le", "replace")


def _length(part: bytes, at: int, width: int) -> tuple[int, int]:
    """A number in one unit, or in two where the first one's highest bit is set; and where it ends."""
    form, bits = ("<B", 8) if width == 1 else ("<H", 16)
    (first,) = struct.unpack_from(form, part, at)
    if not first >> (bits - 1):
        return first, at + width
    (second,) = struct.unpack_from(form, part, at + width)
    return (first & ((1 << (bits - 1)) - 1)) << bits | second, at + 2 * width


def signer(data: bytes) -> str:
    """sha256 of the first certificate in an APK's signing block; empty without one."""
    end = data.rfind(_END_OF_ZIP, max(0, len(data) - (1 << 16) - 22))
    if end < 0:
        return ""
    (directory,) = struct.unpack_from("<I", data, end + 16)
    if directory < 32 or data[directory - 16 : directory] != _MAGIC:
        return ""
    (size,) = struct.unpack_from("<Q", data, directory - 24)
    at, over = directory - size, directory - 24
    if at < 0:
        return ""
    blocks: dict[int, bytes] = {}
    while at + 12 <= over:
        length, number = struct.unpack_from("<QI", data, at)
        if length < 4 or at + 8 + length > over:
            break
        blocks[number] = data[at + 12 : at + 8 + length]
        at += 8 + length
    for scheme in _SCHEMES:
        if scheme in blocks:
            signed = _first(_first(_first(blocks[scheme])))  # signers; the first; its signed data
            (digests,) = struct.unpack_from("<I", signed)
            return hashlib.sha256(_first(_first(signed[4 + digests :]))).hexdigest()
    return ""


def _first(data: bytes) -> bytes:
    """What a length of 4 bytes stands before."""
    (length,) = struct.unpack_from("<I", data)
    if 4 + length > len(data):
        raise _WrongError("its signing block is cut off")
    return data[4 : 4 + length]
