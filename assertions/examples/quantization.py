"""ML-EXray's second target: the layer at which a quantized model leaves its reference."""


def assert_no_layer_leaves_the_reference(edge, ref):
    for frame in edge.layer_frames:
        for layer in edge.layers:
            mine, right = edge.layer(layer, frame), ref.layer(layer, frame)
            error = ((mine - right) ** 2).mean() ** 0.5
            reach = right.max() - right.min()
            assert error <= 0.1 * reach, f"{layer} is off by {error / reach:.0%} of its range in frame {frame}"


def assert_no_layer_is_stuck(edge, ref):
    for row in edge.statistics:
        assert row.saturated <= 0.5 * row.count, f"{edge.graph.tensors[row.tensor].name} sticks at its limits"
