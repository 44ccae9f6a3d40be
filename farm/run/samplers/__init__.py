"""Power, memory, clocks, heat and load beside the frames: read, put on one clock, and what they say of energy."""
