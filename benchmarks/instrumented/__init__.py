"""What an app pays for being logged, language by language."""
