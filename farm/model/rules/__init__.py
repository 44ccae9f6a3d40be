"""What `farm lint` looks for: one noun a file, each with `check(opened) -> Iterator[Issue]` (docs/quantization.md)."""
