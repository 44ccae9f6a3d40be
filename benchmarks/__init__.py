"""How fast and how good: see docs/benchmarks.md."""
