package dev.exray.litert;

/** agents/native/jni/model.h. Ports are inputs, then outputs; the model is never 0. */
final class Native {
    /** Places in what {@code port} tells; the shape follows the last. */
    static final int TYPE = 0, INDEX = 1, ZERO_POINT = 2, SIZE = 3, SHAPE = 4;

    private Native() {}

    /** 0 where it could not be opened: {@code why[0]} tells, and {@code status[0]}. */
    static native long open(byte[] path, byte[] runtime, int threads, byte[][] why, int[] status);

    static native void close(long model);

    static native int inputs(long model);

    static native int outputs(long model);

    static native long[] port(long model, int port);

    static native byte[] name(long model, int port);

    static native float scale(long model, int port);

    /** These three return LiteRT's status. {@code from} and {@code to} have room for the port's size from there on. */
    static native int write(long model, int port, Object from, boolean direct, int offset);

    static native int read(long model, int port, Object to);

    static native int run(long model);
}
