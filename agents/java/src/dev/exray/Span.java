package dev.exray;

/** A latency of the app's own, until it is closed. */
public final class Span implements AutoCloseable {
    private final Frame frame;
    private final String name;
    private final long since;
    private boolean over;

    Span(Frame frame, String name, long since) {
        this.frame = frame;
        this.name = name;
        this.since = since;
    }

    @Override
    public void close() {
        if (!over) {
            over = true;
            frame.spanned(name, since);
        }
    }
}
