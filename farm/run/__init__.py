"""One run on one leased device: stage, preflight, passes, pull, clean up."""
