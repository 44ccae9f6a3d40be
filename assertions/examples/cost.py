"""ML-EXray's third target: latency and memory of a whole inference."""

LATENCY_MS, MEMORY_MB = 100.0, 512.0


def assert_fast_enough(edge, ref):
    typical = sorted(edge.latency_ms)[len(edge.latency_ms) // 2]
    assert typical <= LATENCY_MS


def assert_small_enough(edge, ref):
    assert edge.memory_mb <= MEMORY_MB
