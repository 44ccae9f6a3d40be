"""Perfetto: a trace of the whole phone around a pass, on request."""
