"""Where the host side of a run executes: a contract, and local threads."""
