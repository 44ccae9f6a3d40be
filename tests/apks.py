"""Small APKs to install: a manifest in binary XML, empty libraries, a signing block that names a certificate."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

from farm import apk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NUMBERED = (
    apk.NAME, apk.VERSION_CODE, apk.VERSION_NAME, apk.DEBUGGABLE, apk.TEST_ONLY, apk.MIN_SDK, apk.TARGET_SDK,
    apk.TARGET_PACKAGE,
)  # fmt: skip
NONE = 0xFFFFFFFF


class _Document:
    """Binary XML as aapt2 writes it: names of numbered attributes first among the texts."""

    def __init__(self, *, utf8: bool) -> None:
        self.texts = [f"attr{number:x}" for number in NUMBERED]
        self.parts = b""
        self.utf8 = utf8

    def text(self, value: str) -> int:
        if value not in self.texts:
            self.texts.append(value)
        return self.texts.index(value)

    def start(self, name: str, attributes: Mapping[int | str, str | int | bool]) -> None:
        rows = b""
        for key, value in attributes.items():
            index = NUMBERED.index(key) if isinstance(key, int) else self.text(key)
            if isinstance(value, str):
                raw = data = self.text(value)
                kind = 0x03
            else:
                raw, kind = NONE, 0x12 if isinstance(value, bool) else 0x10
                data = (NONE if value else 0) if isinstance(value, bool) else value
            rows += struct.pack("<IIIHBBI", NONE, index, raw, 8, 0, kind, data)
        body = struct.pack("<II", 1, NONE)
        body += struct.pack("<IIHHHHHH", NONE, self.text(name), 20, 20, len(attributes), 0, 0, 0) + rows
        self.parts += struct.pack("<HHI", 0x0102, 16, 8 + len(body)) + body

    def end(self, name: str) -> None:
        self.parts += struct.pack("<HHIIIII", 0x0103, 16, 24, 1, NONE, NONE, self.text(name))

    def written(self) -> bytes:
        encoded = [self._encoded(text) for text in self.texts]
        offsets = [sum(map(len, encoded[:i])) for i in range(len(encoded))]
        data = b"".join(encoded)
        data += bytes(-len(data) % 4)
        head = 28 + 4 * len(offsets)
        pool = struct.pack("<HHIIIIII", 1, 28, head + len(data), len(offsets), 0, 0x100 if self.utf8 else 0, head, 0)
        pool += struct.pack(f"<{len(offsets)}I", *offsets) + data
        numbers = struct.pack(f"<HHI{len(NUMBERED)}I", 0x0180, 8, 8 + 4 * len(NUMBERED), *NUMBERED)
        whole = pool + numbers + self.parts
        return struct.pack("<HHI", 3, 8, 8 + len(whole)) + whole

    def _encoded(self, text: str) -> bytes:
        if self.utf8:
            data = text.encode()
            return self._size(len(text), 8) + self._size(len(data), 8) + data + b"\0"
        return self._size(len(text), 16) + text.encode("utf-16-le") + b"\0\0"

    @staticmethod
    def _size(count: int, bits: int) -> bytes:
        width, form = bits // 8, "<B" if bits == 8 else "<H"
        if count < 1 << (bits - 1):
            return count.to_bytes(width, "little")
        return struct.pack(form, count >> bits | 1 << (bits - 1)) + struct.pack(form, count & ((1 << bits) - 1))


def manifest(
    package: str = "dev.exray.bench",
    version: int = 1000,
    *,
    name: str = "0.1.0",
    debuggable: bool = True,
    test_only: bool = False,
    min_sdk: int = 26,
    runner: str = ".Runner",
    utf8: bool = True,
) -> bytes:
    xml = _Document(utf8=utf8)
    xml.start("manifest", {apk.VERSION_CODE: version, apk.VERSION_NAME: name, "package": package})
    xml.start("uses-sdk", {apk.MIN_SDK: min_sdk, apk.TARGET_SDK: 34})
    xml.end("uses-sdk")
    xml.start("uses-permission", {apk.NAME: "android.permission.WAKE_LOCK"})
    xml.end("uses-permission")
    xml.start("instrumentation", {apk.NAME: runner, apk.TARGET_PACKAGE: package})
    xml.end("instrumentation")
    xml.start("application", {apk.DEBUGGABLE: debuggable, apk.TEST_ONLY: test_only})
    xml.end("application")
    xml.end("manifest")
    return xml.written()


def signed(archive: bytes, certificate: bytes, scheme: int = 0x7109871A) -> bytes:
    """The archive with a signing block before its central directory."""

    def sized(data: bytes) -> bytes:
        return struct.pack("<I", len(data)) + data

    data = sized(b"") + sized(sized(certificate)) + sized(b"")
    value = sized(sized(sized(data) + sized(b"") + sized(b"")))
    pair = struct.pack("<QI", 4 + len(value), scheme) + value
    size = len(pair) + 24
    block = struct.pack("<Q", size) + pair + struct.pack("<Q", size) + b"APK Sig Block 42"
    end = archive.rfind(b"PK\x05\x06")
    (directory,) = struct.unpack_from("<I", archive, end + 16)
    whole = bytearray(archive[:directory] + block + archive[directory:])
    struct.pack_into("<I", whole, end + len(block) + 16, directory + len(block))
    return bytes(whole)


def make(
    path: Path, xml: bytes, *, certificate: bytes = b"a certificate", abis: tuple[str, ...] = ("arm64-v8a", "x86_64")
) -> Path:
    """Write one; without a certificate it is not signed."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("AndroidManifest.xml", xml)
        for abi in abis:
            file.writestr(f"lib/{abi}/libexray_agent_jni.so", b"\x7fELF")
    path.write_bytes(signed(archive.getvalue(), certificate) if certificate else archive.getvalue())
    return path
