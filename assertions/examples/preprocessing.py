"""ML-EXray's first target: the channels of the model's input. `farm submit ... --assert preprocessing.py`"""


def assert_channels_are_in_order(edge, ref):
    swapped = ref.input()[..., ::-1]
    assert abs(edge.input() - ref.input()).mean() <= abs(edge.input() - swapped).mean()
