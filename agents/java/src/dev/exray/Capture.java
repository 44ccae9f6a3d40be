package dev.exray;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A capture that is being written. Any thread may log; nothing waits for the disk. What is logged after it was closed
 * is lost, and nothing else happens.
 *
 * <pre>
 * try (Capture log = Capture.open("app.mcap", new Options().model("model.tflite"))) {
 *     try (Frame frame = log.frame("cat.jpg")) {
 *         frame.image("frame", pixels, width, height);
 *         frame.run(model);
 *     }
 * }
 * </pre>
 */
public final class Capture implements Closeable {
    private static final int SENSOR_VALUES = 16;
    private static final long LOOK_AGAIN_NS = 20_000;

    private final String path;
    /** 0: closed. */
    private volatile long log;
    /** Calls that are using the log: it is not closed under them. */
    private final AtomicInteger users = new AtomicInteger();
    private volatile Totals totals = new Totals(new long[Totals.FIELDS]);

    private Capture(String path, long log) {
        this.path = path;
        this.log = log;
    }

    /**
     * Begins a capture.
     *
     * @throws IOException the file cannot be written, the model not read, or the native library not loaded
     */
    public static Capture open(String path, Options options) throws IOException {
        Library.load();
        byte[][] why = new byte[1][];
        long log = Native.open(Text.of(path), Text.of(options.app), Text.of(options.model),
                options.labels.toArray(new byte[0][]), options.sampling.ordinal(), options.n, options.byteBudget,
                options.ring, options.memory, options.signals, why);
        if (log == 0) {
            throw new IOException(Text.from(why[0]));
        }
        return new Capture(path, log);
    }

    public static Capture open(String path) throws IOException {
        return open(path, new Options());
    }

    public static Capture open(File file, Options options) throws IOException {
        return open(file.getPath(), options);
    }

    /** One that logs nothing and needs no native library: an app runs on without its log. */
    public static Capture none() {
        return new Capture("", 0);
    }

    /** Begins a frame: one input through the pipeline. Of the same name is the same input; null: it has none. */
    public Frame frame(String name) {
        long log = enter();
        if (log == 0) {
            return new Frame(this, 0);
        }
        try {
            return new Frame(this, Native.frameStart(log, Text.name(name, Text.FRAME_NAME)));
        } finally {
            leave();
        }
    }

    public Frame frame() {
        return frame(null);
    }

    /**
     * A reading that belongs to a moment, not to a frame, as the values of Android's SensorEvent are.
     *
     * @throws IllegalArgumentException it has no values, or more than 16
     */
    public void sensor(String name, double... values) {
        if (values.length == 0 || values.length > SENSOR_VALUES) {
            throw new IllegalArgumentException(
                    name + ": " + values.length + " values; a sensor has 1 to " + SENSOR_VALUES);
        }
        long log = enter();
        if (log != 0) {
            try {
                Native.sensor(log, Text.name(name, Text.NAME), values);
            } finally {
                leave();
            }
        }
    }

    public void sensor(String name, float... values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        sensor(name, wide);
    }

    /**
     * Waits until all that was logged up to now is in the file: for moments after which the app may be gone, as
     * Android's onStop. Nothing else waits, {@link #close} apart.
     *
     * @throws IOException writing stopped: a full disk, say. What was written is readable
     */
    public void flush() throws IOException {
        long log = enter();
        if (log != 0) {
            try {
                stopped(Native.flush(log));
            } finally {
                leave();
            }
        }
    }

    /** What it has come to so far, or came to. */
    public Totals count() {
        long log = enter();
        if (log == 0) {
            return totals;
        }
        try {
            long[] fields = new long[Totals.FIELDS];
            Native.count(log, fields);
            return new Totals(fields);
        } finally {
            leave();
        }
    }

    /**
     * Writes all that waits, and the index. Once is enough, twice does no harm.
     *
     * @throws IOException writing stopped: a full disk, say. What was written is readable
     */
    @Override
    public synchronized void close() throws IOException {
        long closing = log;
        if (closing == 0) {
            return;
        }
        log = 0;
        while (users.get() > 0) {
            LockSupport.parkNanos(LOOK_AGAIN_NS);
        }
        long[] fields = new long[Totals.FIELDS];
        int error = Native.close(closing, fields);
        totals = new Totals(fields);
        stopped(error);
    }

    private void stopped(int error) throws IOException {
        if (error != 0) {
            throw new IOException(path + " stopped: " + Text.from(Native.reason(error)));
        }
    }

    /** The log, which stays until {@link #leave}; 0, and nothing to leave, where it is closed. Waits for nobody. */
    long enter() {
        if (log == 0) {
            return 0;
        }
        users.incrementAndGet();
        long entered = log;
        if (entered == 0) {
            leave();
        }
        return entered;
    }

    void leave() {
        users.decrementAndGet();
    }
}
