"""What is to be run: from the words of a command line or a schedule to a submission and the files it names."""
