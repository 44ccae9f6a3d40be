"""The log of a pass: the MCAP file the agent writes (exray.proto), and the recording it becomes on the host."""
