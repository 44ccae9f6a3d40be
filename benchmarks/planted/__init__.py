"""Deployment bugs, planted: an own pre-processing of pictures, clips and texts, and what goes wrong in it.

Nothing of `farm` is imported here (a test keeps it): what is planted and what infers it share no line of code.
"""
