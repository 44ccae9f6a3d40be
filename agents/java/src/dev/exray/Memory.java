package dev.exray;

import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;

/**
 * Bytes that C is to read where they lie: of an array of a primitive type, or of a direct buffer. Taken from the
 * caller's buffer once, so that one that moves meanwhile cannot lead C astray.
 */
final class Memory {
    final Object from;
    final boolean direct;
    /** In bytes, as is the size. */
    final long offset, size;

    private Memory(Object from, boolean direct, long offset, long size) {
        this.from = from;
        this.direct = direct;
        this.offset = offset;
        this.size = size;
    }

    static Memory of(Object array, int length, int width) {
        return new Memory(array, false, 0, (long) length * width);
    }

    /** What remains in the buffer. */
    static Memory of(ByteBuffer given) {
        ByteBuffer buffer = given.slice();
        if (buffer.isDirect()) {
            return new Memory(buffer, true, 0, buffer.remaining());
        }
        if (buffer.hasArray()) {
            return new Memory(buffer.array(), false, buffer.arrayOffset(), buffer.remaining());
        }
        byte[] copy = new byte[buffer.remaining()];
        buffer.get(copy);
        return of(copy, copy.length, 1);
    }

    static Memory of(FloatBuffer given) {
        FloatBuffer buffer = given.slice();
        if (lies(buffer, buffer.order())) {
            return new Memory(buffer, true, 0, 4L * buffer.remaining());
        }
        float[] copy = new float[buffer.remaining()];
        buffer.get(copy);
        return of(copy, copy.length, 4);
    }

    static Memory of(DoubleBuffer given) {
        DoubleBuffer buffer = given.slice();
        if (lies(buffer, buffer.order())) {
            return new Memory(buffer, true, 0, 8L * buffer.remaining());
        }
        double[] copy = new double[buffer.remaining()];
        buffer.get(copy);
        return of(copy, copy.length, 8);
    }

    static Memory of(ShortBuffer given) {
        ShortBuffer buffer = given.slice();
        if (lies(buffer, buffer.order())) {
            return new Memory(buffer, true, 0, 2L * buffer.remaining());
        }
        short[] copy = new short[buffer.remaining()];
        buffer.get(copy);
        return of(copy, copy.length, 2);
    }

    static Memory of(IntBuffer given) {
        IntBuffer buffer = given.slice();
        if (lies(buffer, buffer.order())) {
            return new Memory(buffer, true, 0, 4L * buffer.remaining());
        }
        int[] copy = new int[buffer.remaining()];
        buffer.get(copy);
        return of(copy, copy.length, 4);
    }

    static Memory of(LongBuffer given) {
        LongBuffer buffer = given.slice();
        if (lies(buffer, buffer.order())) {
            return new Memory(buffer, true, 0, 8L * buffer.remaining());
        }
        long[] copy = new long[buffer.remaining()];
        buffer.get(copy);
        return of(copy, copy.length, 8);
    }

    /** Whether the values lie there as the processor has them. */
    private static boolean lies(Buffer buffer, ByteOrder order) {
        return buffer.isDirect() && order == ByteOrder.nativeOrder();
    }
}
