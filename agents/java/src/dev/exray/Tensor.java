package dev.exray;

import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;

/**
 * Values with their type and shape. Arrays and direct buffers are not copied before they are logged: what is written
 * into them in between is what the capture gets.
 *
 * <p>Without a shape it has one dimension. Every {@code of} throws {@link IllegalArgumentException} for a shape that
 * does not have as many values as there are, or more than 8 dimensions.
 */
public final class Tensor {
    private static final int MAX_RANK = 8;

    final DType type;
    final Memory memory;
    final String name;
    final float scale;
    final long zeroPoint;
    final int index;
    private final int[] shape;

    private Tensor(DType type, Memory memory, int[] shape, String name, float scale, long zeroPoint, int index) {
        this.type = type;
        this.memory = memory;
        this.shape = shape;
        this.name = name;
        this.scale = scale;
        this.zeroPoint = zeroPoint;
        this.index = index;
    }

    private static Tensor made(DType type, Memory memory, int[] given) {
        int[] shape = given.clone();
        if (shape.length > MAX_RANK) {
            throw new IllegalArgumentException(
                    "a tensor of " + shape.length + " dimensions: captures have room for " + MAX_RANK);
        }
        double values = 1;
        for (int side : shape) {
            values = side < 0 ? Double.NaN : values * side;
        }
        if (!(values * type.width() == memory.size)) {
            throw new IllegalArgumentException("a tensor of " + type + " and shape " + Arrays.toString(shape)
                    + " is not " + memory.size + " bytes");
        }
        return new Tensor(type, memory, shape, "", 0, 0, -1);
    }

    private static Tensor flat(DType type, Memory memory, int[] shape) {
        return made(type, memory, shape.length > 0 ? shape : new int[] {(int) (memory.size / type.width())});
    }

    public static Tensor of(float[] values, int... shape) {
        return flat(DType.FLOAT32, Memory.of(values, values.length, 4), shape);
    }

    public static Tensor of(double[] values, int... shape) {
        return flat(DType.FLOAT64, Memory.of(values, values.length, 8), shape);
    }

    /** Of INT8; {@code as(DType.UINT8)} where they are meant without a sign. */
    public static Tensor of(byte[] values, int... shape) {
        return flat(DType.INT8, Memory.of(values, values.length, 1), shape);
    }

    public static Tensor of(short[] values, int... shape) {
        return flat(DType.INT16, Memory.of(values, values.length, 2), shape);
    }

    public static Tensor of(int[] values, int... shape) {
        return flat(DType.INT32, Memory.of(values, values.length, 4), shape);
    }

    public static Tensor of(long[] values, int... shape) {
        return flat(DType.INT64, Memory.of(values, values.length, 8), shape);
    }

    public static Tensor of(boolean[] values, int... shape) {
        return flat(DType.BOOL, Memory.of(values, values.length, 1), shape);
    }

    /** What remains in the buffer, as with all buffers. */
    public static Tensor of(FloatBuffer values, int... shape) {
        return flat(DType.FLOAT32, Memory.of(values), shape);
    }

    public static Tensor of(DoubleBuffer values, int... shape) {
        return flat(DType.FLOAT64, Memory.of(values), shape);
    }

    public static Tensor of(ShortBuffer values, int... shape) {
        return flat(DType.INT16, Memory.of(values), shape);
    }

    public static Tensor of(IntBuffer values, int... shape) {
        return flat(DType.INT32, Memory.of(values), shape);
    }

    public static Tensor of(LongBuffer values, int... shape) {
        return flat(DType.INT64, Memory.of(values), shape);
    }

    /** Bytes as they lie, in the processor's order, as a runtime is given them; a shape of no sides is a scalar. */
    public static Tensor of(DType type, ByteBuffer values, int[] shape) {
        return made(type, Memory.of(values), shape);
    }

    /** With a name, the model's own where it has one. */
    public Tensor named(String name) {
        return new Tensor(type, memory, shape, name, scale, zeroPoint, index);
    }

    /** Of which a value means (value - zeroPoint) * scale. */
    public Tensor quantized(float scale, long zeroPoint) {
        return new Tensor(type, memory, shape, name, scale, zeroPoint, index);
    }

    /** With its index in the model's graph. */
    public Tensor index(int index) {
        return new Tensor(type, memory, shape, name, scale, zeroPoint, index);
    }

    /** The same bits read as another type of the same width: UINT8 of INT8, FLOAT16 of INT16.
     *
     * @throws IllegalArgumentException it is of another width
     */
    public Tensor as(DType other) {
        if (other.width() != type.width()) {
            throw new IllegalArgumentException(type + " and " + other + " are not of one width");
        }
        return new Tensor(other, memory, shape, name, scale, zeroPoint, index);
    }

    public DType type() {
        return type;
    }

    public int[] shape() {
        return shape.clone();
    }

    /** The shape as C has it. */
    long[] sides() {
        long[] sides = new long[shape.length];
        for (int i = 0; i < sides.length; i++) {
            sides[i] = shape[i];
        }
        return sides;
    }
}
