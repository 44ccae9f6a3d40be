"""ML-EXray's fourth target: the layer, and the type of layer, that take the time."""

SHARE = 0.9


def assert_no_type_takes_it_all(edge, ref):
    slowest = max(edge.type_ms, key=edge.type_ms.get)
    assert edge.type_ms[slowest] <= SHARE * sum(edge.type_ms.values()), slowest


def assert_no_layer_takes_it_all(edge, ref):
    slowest = max(edge.layer_ms, key=edge.layer_ms.get)
    assert edge.layer_ms[slowest] <= SHARE * sum(edge.layer_ms.values()), slowest
