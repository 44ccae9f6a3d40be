"""What a shared library says of itself: for which system and processor it is, what it needs, what it exports.

The dynamic section is read, as a loader does: section headers may be stripped. Nothing in the file is believed to be in it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from farm.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

Os = Literal["linux", "android"]
MACHINES = {62: "x86_64", 183: "arm64-v8a"}
"""ELF's number -> Android's word for the ABI, which is the farm's."""
SHARED = 3
LOAD, DYNAMIC, NOTE = 1, 2, 4
NEEDED, HASH, STRTAB, SYMTAB, STRSZ, SONAME, GNU_HASH = 1, 4, 5, 6, 10, 14, 0x6FFFFEF5
SYMBOL = struct.Struct("<IBBHQQ")
GLOBAL, WEAK = 1, 2
VISIBLE = (0, 3)
"""Default and protected."""
SYMBOLS_LIMIT = 1 << 18
NAME_LIMIT = 4096
LINUX, ANDROID = "libc.so.6", "libc.so"
"""Whose C library it asks for: glibc's and bionic's names."""


@dataclass(frozen=True)
class Library:
    """A 64-bit shared library."""

    os: Os
    abi: str
    soname: str
    needed: tuple[str, ...]
    exports: frozenset[str]
    alignment: int
    """Bytes; the least of its loaded segments. Android phones with pages of 16 KiB load no library of less."""


def read(content: bytes, where: str) -> Library:
    """Read a library; `where` is its name, for errors.

    Raises:
        BundleError: it is none, is cut off or contradicts itself, or is for another kind of machine.
    """
    try:
        return _Reader(content, where).library()
    except (struct.error, OverflowError) as e:
        raise BundleError(
            "is cut off, or damaged: it points beyond its end", where=where, remedy="fetch it again"
        ) from e


class _Reader:
    def __init__(self, content: bytes, where: str) -> None:
        self.content = content
        self.where = where
        self.segments: list[tuple[int, int, int, int]] = []
        """Address, offset, bytes in the file, alignment of what is loaded."""

    def library(self) -> Library:
        abi = self._identify()
        dynamic, noted = self._headers()
        tags = self._tags(*dynamic)
        strings = self._strings(tags)
        needed = tuple(self._name(strings, at) for tag, at in tags if tag == NEEDED)
        soname = next((self._name(strings, at) for tag, at in tags if tag == SONAME), "")
        exports = frozenset(self._exports(dict(reversed(tags)), strings))
        alignment = min((align for *_, align in self.segments), default=1)
        return Library(self._os(needed, noted=noted), abi, soname, needed, exports, alignment)

    def _identify(self) -> str:
        if self.content[:4] != b"\x7fELF":
            raise self._refuse("is no shared library", "give libLiteRt.so, or the .aar or .whl it comes in")
        if self.content[4:6] != b"\x02\x01":
            raise self._refuse("is for a 32-bit or big-endian machine", "the agent is 64-bit: add a 64-bit one")
        kind, machine = struct.unpack_from("<HH", self.content, 16)
        if kind != SHARED:
            raise self._refuse("is no shared library", "give libLiteRt.so, or the .aar or .whl it comes in")
        if machine not in MACHINES:
            raise self._refuse(
                f"is for another processor (ELF machine {machine})", f"for {' or '.join(MACHINES.values())}"
            )
        return MACHINES[machine]

    def _headers(self) -> tuple[tuple[int, int], bool]:
        """Where the dynamic section is in the file and its bytes; and whether a note says Android."""
        (start,) = struct.unpack_from("<Q", self.content, 32)
        size, count = struct.unpack_from("<HH", self.content, 54)
        dynamic, noted = None, False
        for i in range(count):
            kind, _, offset, address, _, length, _, align = struct.unpack_from(
                "<IIQQQQQQ", self.content, start + i * size
            )
            if kind == LOAD:
                self.segments.append((address, offset, length, align))
            elif kind == DYNAMIC:
                dynamic = (offset, length)
            elif kind == NOTE:
                noted = noted or self.content[offset + 12 : offset + 20] == b"Android\0"
        if dynamic is None:
            raise self._refuse("has no dynamic section", "give the library as it was published")
        return dynamic, noted

    def _tags(self, offset: int, length: int) -> list[tuple[int, int]]:
        tags: list[tuple[int, int]] = []
        for at in range(offset, offset + length - 15, 16):
            tag, value = struct.unpack_from("<QQ", self.content, at)
            if tag == 0 or len(tags) > NAME_LIMIT:
                break
            tags.append((tag, value))
        return tags

    def _strings(self, tags: list[tuple[int, int]]) -> bytes:
        told = dict(tags)
        if not {STRTAB, SYMTAB, STRSZ} <= told.keys():
            raise self._refuse("names no symbols", "give the library as it was published")
        at = self._offset(told[STRTAB])
        strings = self.content[at : at + told[STRSZ]]
        if len(strings) < told[STRSZ]:
            raise self._refuse("is cut off", "fetch it again")
        return strings

    def _offset(self, address: int) -> int:
        for start, offset, length, _ in self.segments:
            if start <= address < start + length:
                return offset + address - start
        raise self._refuse("is damaged: it points beyond its end", "fetch it again")

    def _name(self, strings: bytes, at: int) -> str:
        end = strings.find(b"\0", at, at + NAME_LIMIT)
        if at >= len(strings) or end < 0:
            raise self._refuse("is damaged: a name has no end", "fetch it again")
        return strings[at:end].decode("utf-8", "replace")

    def _exports(self, tags: dict[int, int], strings: bytes) -> Iterator[str]:
        table = self._offset(tags[SYMTAB])
        for i in range(1, self._count(tags)):
            name, info, other, section, _, _ = SYMBOL.unpack_from(self.content, table + i * SYMBOL.size)
            if section and info >> 4 in {GLOBAL, WEAK} and other & 3 in VISIBLE:
                yield self._name(strings, name)

    def _count(self, tags: dict[int, int]) -> int:
        """Number of dynamic symbols, which only the hash tables tell."""
        if HASH in tags:
            (count,) = struct.unpack_from("<4xI", self.content, self._offset(tags[HASH]))
        elif GNU_HASH in tags:
            count = self._hashed(self._offset(tags[GNU_HASH]))
        else:
            raise self._refuse("has no table of its symbols", "give the library as it was published")
        if count > SYMBOLS_LIMIT:
            raise self._refuse(f"says it has {count} symbols, more than {SYMBOLS_LIMIT}", "fetch it again")
        return int(count)

    def _hashed(self, at: int) -> int:
        """Of GNU's table: the end of the last chain. A chain's last word is odd."""
        buckets, first, bloom, _ = struct.unpack_from("<IIII", self.content, at)
        if buckets > SYMBOLS_LIMIT or bloom > SYMBOLS_LIMIT:
            raise self._refuse("is damaged: its table of symbols has no end", "fetch it again")
        at += 16 + 8 * bloom
        last = max(struct.unpack_from(f"<{buckets}I", self.content, at), default=0)
        if last < first:
            return int(first)
        at += 4 * buckets
        for i in range(last, SYMBOLS_LIMIT):
            (word,) = struct.unpack_from("<I", self.content, at + 4 * (i - first))
            if word & 1:
                return i + 1
        raise self._refuse("is damaged: its table of symbols has no end", "fetch it again")

    def _os(self, needed: tuple[str, ...], *, noted: bool) -> Os:
        if LINUX in needed:
            return "linux"
        if ANDROID in needed or noted:
            return "android"
        raise self._refuse(f"needs neither {ANDROID} (Android) nor {LINUX} (Linux)", "give LiteRT's own library")

    def _refuse(self, what: str, remedy: str) -> BundleError:
        return BundleError(what, where=self.where, remedy=remedy)
