"""How many statements an app pays for its log, against ML-EXray's table (MLSys 2022).

There, of an app instrumented for one purpose each: pre-processing 4, quantization 13, latency and memory 8 (and without it,
all written by hand, 25, 265 and 22). Its fourth row, latency by layer, is the agent's here. Every example is instrumented for
the three at once.
"""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.exray.statements import CPP, JAVA, of_braces, of_python

ML_EXRAY = {"pre-processing": 4, "quantization": 13, "latency and memory": 8}
EXAMPLES = ROOT / "agents" / "examples"
COUNTS = {
    "cpp/classifier.cpp": 10,
    "java/Classifier.java": 5,
    "python/classifier.py": 4,
    "python/onnx_classifier.py": 4,
}


@pytest.mark.parametrize(("example", "count"), COUNTS.items())
def test_an_example_takes_fewer_statements_than_it_took(example: str, count: int) -> None:
    source = (EXAMPLES / example).read_text(encoding="utf-8")
    match example.rpartition(".")[2]:
        case "py":
            found = of_python(source)
        case "cpp":
            found = of_braces(source, CPP)
        case _:
            found = of_braces(source, JAVA)
    assert len(found) == count, found
    assert count < sum(ML_EXRAY.values())
    if example.endswith(".py"):
        assert count <= min(ML_EXRAY.values()), "three purposes in the statements of the smallest"


def test_statements_of_python() -> None:
    source = """
import exray
def work(x):
    log = exray.open("a")
    for i in range(3):
        with log.frame() as frame, other(i):
            y = frame.run(x)
            y.sum()
        if y: log.sensor("a", 1)
    log.close()
"""
    assert of_python(source) == [
        "log = exray.open('a')", "log.close()", "with log.frame() as frame, other(i):", "y = frame.run(x)",
        "log.sensor('a', 1)",
    ]  # fmt: skip


def test_statements_of_c_plus_plus() -> None:
    source = """
#include "exray.hpp"
// exray::capture of nothing
static void run(const exray::frame &frame, int x) {
    for (int i = 0; i < x; i++) frame.scalar("exray::frame; {", i);
    other(x);
}
int main() {
    exray::capture log("a");  /* exray::capture */
    { const exray::inference timed(frame); model.run(); }
}
"""
    assert of_braces(source, CPP) == [
        "for (int i = 0; i < x; i++) frame.scalar( , i)", 'exray::capture log( )', "const exray::inference timed(frame)",
    ]  # fmt: skip


def test_statements_of_java() -> None:
    source = """
import dev.exray.Capture;
final class A {
    private static int classify(File file, Capture log) throws IOException {
        try (Other o = new Other(); Frame frame = log.frame(file.getName())) {
            frame.image("frame", argb, width, height);
            return largest(model);
        }
    }
}
"""
    assert of_braces(source, JAVA) == [
        "try (Other o = new Other(); Frame frame = log.frame(file.getName()))",
        "frame.image( , argb, width, height)",
    ]
