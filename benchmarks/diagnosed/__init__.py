"""The parts of `benchmarks/diagnosis.py`: models with their inputs, devices with planted bugs, and what counts as right."""
