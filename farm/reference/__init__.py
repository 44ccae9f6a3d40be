"""Runtimes whose answer is taken as right, each in a subprocess, cached by content."""
