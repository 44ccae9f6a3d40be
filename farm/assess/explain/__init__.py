"""What the device did to its input: inferred from the raw frame, the logged model input and the expected one.

`observe` makes the evidence of a run's inputs; `engine` chooses among candidates; a kind of frame is a module: `picture` (with
its parts), `audio`, `text`, `tensor`.
"""
