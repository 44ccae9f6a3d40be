"""Labelled data for the tasks that public samples lack, drawn from seeds, and the small models trained on it."""
