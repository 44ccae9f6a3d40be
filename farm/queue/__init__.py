"""Jobs become runs (planner), and runs are given to devices (scheduler, a pure function)."""
