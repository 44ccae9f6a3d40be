"""Files on the device, and the farm's own handling of them. Paths with a `*` at their end are the farm's own."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from farm.android.command import Command, Said, argv, as_is, of_text, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FOLDER = "/data/local/tmp"
"""Where the shell user may keep files and start programs."""


def parse_df(text: str) -> tuple[int | None, int | None]:
    """Free and total bytes, out of the last line of `df -k`."""
    numbers = re.search(r"\s(\d{1,15})\s+(\d{1,15})\s+(\d{1,15})\s+\d{1,3}%", text)
    return (int(numbers[3]) << 10, int(numbers[1]) << 10) if numbers else (None, None)


def parse_hashes(text: str) -> tuple[tuple[str, str], ...]:
    """(sha256, name) of each line."""
    rows = (line.partition(" ") for line in text.splitlines())
    return tuple((digest, name.strip()) for digest, _, name in rows)


def parse_size(said: Said) -> int | None:
    """Bytes of the file: 0 where there is none, None where it is not told."""
    if said.status == 0 and re.fullmatch(r"[0-9]{1,18}", said.text):
        return int(said.text)
    return 0 if "No such file" in said.error else None


def parse_names(text: str) -> list[str]:
    """Names, one a line or a word; they have no spaces."""
    return text.split()


def _is_there(said: Said) -> bool:
    return said.status == 0


def _make_folder(*paths: str) -> str:
    return argv("mkdir", "-p", *paths)


def _remove_tree(path: str) -> str:
    return argv("rm", "-rf", path)


def _clear(folder: str, child: str, pattern: str) -> str:
    at = shlex.quote(folder)
    return f"rm -rf {at}/{child} {at}/{pattern}"


def _names(folder: str) -> str:
    return argv("ls", folder)


def _matching(folder: str, pattern: str) -> str:
    return f"ls -d {shlex.quote(folder)}/{pattern}"


def _free(path: str) -> str:
    return argv("df", "-k", path)


def _size(path: str) -> str:
    return argv("stat", "-c", "%s", path)


def _hashes(folder: str, names: Sequence[str]) -> str:
    # toybox stops at nothing: files that are not there cost a line on stderr.
    return f"cd {shlex.quote(folder)} && {argv('sha256sum', '--', *names)} 2>/dev/null"


def _rename(folder: str, names: Iterable[tuple[str, str]]) -> str:
    at = shlex.quote(folder)
    return " && ".join(f"mv {at}/{shlex.quote(old)} {at}/{shlex.quote(new)}" for old, new in names)


def _remove(folder: str, names: Sequence[str]) -> str:
    return f"cd {shlex.quote(folder)} && {argv('rm', '-f', '--', *names)}"


def _sweep(folder: str, pattern: str) -> str:
    return f"rm -f {shlex.quote(folder)}/{pattern}"


def _link(folder: str, targets: Iterable[tuple[str, str]]) -> str:
    links = (argv("ln", "-sf", target, f"{folder}/{name}") for target, name in targets)
    return " && ".join((argv("mkdir", "-p", folder), *links))


def _end(path: str, count: int) -> str:
    return argv("tail", "-c", str(count), path)


def _part(path: str, start: int, count: int) -> str:
    return f"tail -c +{start + 1} {shlex.quote(path)} | head -c {count}"


def _copy(source: str, target: str) -> str:
    return argv("cp", source, target)


def _copy_into_app(package: str, source: str, target: str) -> str:
    # Through a pipe: the app may not open the shell's files.
    inner = f"cat > {shlex.quote(target)}"
    return f"cat {shlex.quote(source)} | {argv('run-as', package, 'sh', '-c', inner)}"


def _writable(folder: str) -> str:
    at = shlex.quote(folder)
    return f"[ -d {at} ] && [ -w {at} ]"


def _app_folder(package: str) -> str:
    return argv("run-as", package, "pwd")


def parse_home(said: Said) -> tuple[str, str]:
    """The app's folder, and why there is none; one of the two is empty."""
    if said.status == 0 and said.text.startswith("/"):
        return said.text, ""
    return "", said.error.strip() or said.text or "run-as says nothing"


TOYBOX = "toybox"
_CACHE = f"{FOLDER}/farm/cache"
_APP = "dev.exray.bench"
make_folder = Command(
    "files.make-folder", _make_folder, refusal, source=f"{TOYBOX}: mkdir", example=(f"{FOLDER}/farm",), prints=False
)
remove_tree = Command(
    "files.remove-tree", _remove_tree, refusal, source=f"{TOYBOX}: rm", example=(f"{FOLDER}/farm/1",), prints=False
)
clear = Command(
    "files.clear", _clear, refusal, source=f"{TOYBOX}: rm", example=("/data/user/0/a.b/files", "exray", "exray*.mcap"),
    prints=False,
)  # fmt: skip
names = Command(
    "files.names",
    _names,
    of_text(parse_names),
    source=f"{TOYBOX}: ls",
    example=(_CACHE,),
    recorded=("cpu-folder-generic-x86-64",),
)
matching = Command(
    "files.matching", _matching, of_text(str.splitlines), source=f"{TOYBOX}: ls",
    example=("/sdcard/Android/data/a.b/files", "exray*.mcap"),
)  # fmt: skip
free = Command(
    "files.free",
    _free,
    of_text(parse_df),
    source=f"{TOYBOX}: df",
    example=(FOLDER,),
    recorded=("df-nexus-5x", "df-mt6799"),
)
size = Command("files.size", _size, parse_size, source=f"{TOYBOX}: stat", example=(f"{_CACHE}/a",))
link = Command(
    "files.link", _link, refusal, source=f"{TOYBOX}: mkdir, ln", example=(_CACHE, (("/a", "b"),)), prints=False
)
hashes = Command(
    "files.hashes", _hashes, of_text(parse_hashes), source=f"{TOYBOX}: sha256sum", example=(_CACHE, ("a", "b")),
    recorded=("sha256sum",),
)  # fmt: skip
rename = Command(
    "files.rename", _rename, refusal, source=f"{TOYBOX}: mv", example=(_CACHE, (("a.part", "a"),)), prints=False
)
remove = Command("files.remove", _remove, refusal, source=f"{TOYBOX}: rm", example=(_CACHE, ("a",)), prints=False)
sweep = Command("files.sweep", _sweep, refusal, source=f"{TOYBOX}: rm", example=(_CACHE, "*.part"), prints=False)
end = Command(
    "files.end", _end, as_is, source=f"{TOYBOX}: tail; a file's own bytes", example=(f"{_CACHE}/a", 16), prints=False
)
part = Command(
    "files.part", _part, as_is, source=f"{TOYBOX}: tail, head; a file's own bytes", example=(f"{_CACHE}/a", 0, 8 << 20),
    prints=False,
)  # fmt: skip
copy = Command(
    "files.copy", _copy, refusal, source=f"{TOYBOX}: cp", example=(f"{_CACHE}/a", "/sdcard/Android/data/a.b/files/a"),
    prints=False,
)  # fmt: skip
copy_into_app = Command(
    "files.copy-into-app", _copy_into_app, refusal, source="system/core/run-as; toybox: cat", needs="debuggable",
    example=(_APP, f"{_CACHE}/a", "files/exray/frames/a"), prints=False,
)  # fmt: skip
writable = Command(
    "files.writable", _writable, _is_there, source="mksh: [", example=("/sdcard/Android/data/a.b/files",), prints=False
)
app_folder = Command(
    "files.app-folder", _app_folder, parse_home, source="system/core/run-as; mksh: pwd", needs="debuggable",
    example=(_APP,), recorded=("run-as-not-debuggable", "run-as-unknown"),
)  # fmt: skip
