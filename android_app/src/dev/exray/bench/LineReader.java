package dev.exray.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** Reads a stream's lines on a thread of its own: whoever prints never waits for who listens. */
final class LineReader extends Thread {
    private static final long END_MS = 5_000;

    private final InputStream stream;
    private final Listener listener;
    private volatile String last = "";

    /** @param listener null: nobody, but the last line is kept */
    LineReader(InputStream stream, Listener listener) {
        super("lines");
        this.stream = stream;
        this.listener = listener;
        setDaemon(true);
        start();
    }

    @Override
    public void run() {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.trim().isEmpty()) {
                    last = line;
                    if (listener != null) {
                        listener.line(line);
                    }
                }
            }
        } catch (IOException e) {
            android.util.Log.w("exray", "the agent's words broke off", e);
        }
    }

    /** Waits until all was read. */
    void end() throws InterruptedException {
        join(END_MS);
    }

    /** The last line that is not empty; "" without one. */
    String last() {
        return last;
    }
}
