package dev.exray;

import java.util.ArrayList;
import java.util.List;

/** How a capture is made. What is not set is as exray.h has it: every frame, no byte budget, a ring of 256 KiB. */
public final class Options {
    String app, model;
    final List<byte[]> labels = new ArrayList<byte[]>();
    Sampling sampling = Sampling.EVERY;
    int n;
    long byteBudget, ring;
    boolean memory = true, signals = true;

    /** Name of the app, for people; that of the program where it is not told. */
    public Options app(String app) {
        this.app = app;
        return this;
    }

    /** Path of the model that runs, which is hashed. */
    public Options model(String path) {
        this.model = path;
        return this;
    }

    public Options label(String key, String value) {
        labels.add(Text.of(String.valueOf(key)));
        labels.add(Text.of(String.valueOf(value)));
        return this;
    }

    public Options sampling(Sampling sampling, int n) {
        this.sampling = sampling;
        this.n = (int) positive(n, "frames");
        return this;
    }

    /** Bytes of the file. Nearing it, elements and tensors are left out, then frames; 0: none. */
    public Options byteBudget(long bytes) {
        this.byteBudget = positive(bytes, "a byte budget");
        return this;
    }

    /** Bytes that may wait for the disk; a larger element than half of it is dropped. */
    public Options ring(long bytes) {
        this.ring = positive(bytes, "a ring");
        return this;
    }

    /** Whether the process's memory is read at the end of a frame. */
    public Options memory(boolean read) {
        this.memory = read;
        return this;
    }

    /** Whether what waits is written when the process crashes. The virtual machine's use of signals stays its own. */
    public Options signals(boolean watch) {
        this.signals = watch;
        return this;
    }

    private static long positive(long value, String what) {
        if (value < 0) {
            throw new IllegalArgumentException(what + " of " + value);
        }
        return value;
    }
}
