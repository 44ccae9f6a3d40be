"""What a model's answers are worth, task by task: one file a task, behind one contract."""
