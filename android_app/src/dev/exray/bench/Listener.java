package dev.exray.bench;

/** Who is told what the agent prints while it works. */
interface Listener {
    void line(String line);
}
