package dev.exray;

/** exray.h. Texts are UTF-8 with a zero at the end; the log is never 0 and never closed while one of these runs. */
final class Native {
    static final int INPUT = 1, OUTPUT = 2, LAYER = 3, ELEMENT = 4;

    private Native() {}

    /** 0 where it could not be opened: {@code why[0]} tells. */
    static native long open(byte[] path, byte[] app, byte[] model, byte[][] labels, int sampling, int n,
            long byteBudget, long ring, boolean memory, boolean signals, byte[][] why);

    static native int close(long log, long[] totals);

    static native int flush(long log);

    static native void count(long log, long[] totals);

    static native byte[] reason(int errno);

    static native int frameStart(long log, byte[] name);

    static native void frameStop(long log, int frame);

    static native void inferenceStart(long log, int frame);

    static native void inferenceStop(long log, int frame);

    /** Whether elements of the frame are logged. */
    static native boolean wanted(long log, int frame);

    /** {@code size} is that of the memory: a shape that says another is not logged. */
    static native void tensor(long log, int frame, int role, int position, byte[] name, int type, long[] shape,
            float scale, long zeroPoint, int index, Object from, boolean direct, long offset, long size);

    static native void image(long log, int frame, byte[] name, byte[] format, int width, int height, long rowStride,
            Object from, boolean direct, long offset);

    static native void bytes(long log, int frame, byte[] name, Object from, boolean direct, long offset, long size);

    static native void text(long log, int frame, byte[] name, byte[] text);

    static native void scalar(long log, int frame, byte[] name, double value);

    static native long now();

    static native void span(long log, int frame, byte[] name, long since);

    static native void sensor(long log, byte[] name, double[] values);

    static native void broken(long log, int frame, byte[] what);
}
