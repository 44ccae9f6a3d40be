"""`.tflite` files: their graph, their recipe, and the instrumented copy whose every layer is an output."""
