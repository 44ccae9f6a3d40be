package dev.exray.litert;

import dev.exray.DType;
import dev.exray.Interpreter;
import dev.exray.Library;
import dev.exray.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A model that LiteRT runs on the CPU, where there is no binding of LiteRT's own for Java: on Linux. Of several
 * signatures the first. Threads take turns.
 *
 * <p>Every method but {@code close} throws {@link IllegalStateException} once it is closed.
 */
public final class Model implements Interpreter, AutoCloseable {
    private final String path;
    private final Port[] inputs;
    private final Port[] outputs;
    /** By port: where its values are copied to be logged. */
    private final ByteBuffer[] held;
    /** 0: closed. */
    private long model;

    /**
     * Loads and compiles.
     *
     * @param path of the .tflite file
     * @param runtime path of libLiteRt.so, 2.1.6 or later
     * @throws LiteRtException the runtime cannot be loaded, or cannot read or compile the model
     * @throws IOException the native library of this API cannot be loaded
     */
    public Model(String path, String runtime, int threads) throws IOException {
        if (threads < 1) {
            throw new IllegalArgumentException(threads + " threads");
        }
        Library.load();
        this.path = path;
        byte[][] why = new byte[1][];
        int[] status = new int[1];
        model = Native.open(text(path), text(runtime), threads, why, status);
        if (model == 0) {
            throw new LiteRtException(new String(why[0], StandardCharsets.UTF_8), status[0]);
        }
        inputs = ports(0, Native.inputs(model));
        outputs = ports(inputs.length, Native.outputs(model));
        held = new ByteBuffer[inputs.length + outputs.length];
    }

    private Port[] ports(int first, int count) {
        Port[] ports = new Port[count];
        for (int i = 0; i < count; i++) {
            long[] told = Native.port(model, first + i);
            int[] shape = new int[told.length - Native.SHAPE];
            for (int side = 0; side < shape.length; side++) {
                shape[side] = (int) told[Native.SHAPE + side];
            }
            String name = new String(Native.name(model, first + i), StandardCharsets.UTF_8);
            ports[i] = new Port(name, DType.of((int) told[Native.TYPE]), shape, Native.scale(model, first + i),
                    told[Native.ZERO_POINT], (int) told[Native.INDEX], (int) told[Native.SIZE]);
        }
        return ports;
    }

    public int inputCount() {
        return inputs.length;
    }

    public int outputCount() {
        return outputs.length;
    }

    /** Throws {@link IndexOutOfBoundsException} where there is none, as all that take a position do. */
    public Port input(int position) {
        return inputs[position];
    }

    public Port output(int position) {
        return outputs[position];
    }

    /**
     * Sets an input.
     *
     * @throws IllegalArgumentException it is of another type or size
     */
    public void setInput(int position, float[] values) {
        write(position, values, "float[]", 4L * values.length, DType.FLOAT32, DType.FLOAT32);
    }

    public void setInput(int position, byte[] values) {
        write(position, values, "byte[]", values.length, DType.INT8, DType.UINT8);
    }

    public void setInput(int position, int[] values) {
        write(position, values, "int[]", 4L * values.length, DType.INT32, DType.UINT32);
    }

    public void setInput(int position, long[] values) {
        write(position, values, "long[]", 8L * values.length, DType.INT64, DType.UINT64);
    }

    /** What remains in the buffer, bytes as they lie, of whatever type. */
    public void setInput(int position, ByteBuffer values) {
        ByteBuffer given = values.slice();
        expect(position, "a buffer", given.remaining());
        if (!given.isDirect() && !given.hasArray()) {
            ByteBuffer copy = ByteBuffer.allocate(given.remaining());
            copy.put(given);
            copy.flip();
            given = copy;
        }
        boolean direct = given.isDirect();
        write(position, direct ? given : given.array(), direct, direct ? 0 : given.arrayOffset());
    }

    private void write(int position, Object values, String what, long size, DType one, DType other) {
        DType type = inputs[position].type();
        if (type != one && type != other) {
            throw new IllegalArgumentException(path + ": input " + position + " is of " + type + ", not " + what);
        }
        expect(position, what, size);
        write(position, values, false, 0);
    }

    private void expect(int position, String what, long size) {
        if (size != inputs[position].size()) {
            throw new IllegalArgumentException(path + ": input " + position + " takes " + inputs[position].size()
                    + " bytes, and " + what + " has " + size);
        }
    }

    private synchronized void write(int position, Object from, boolean direct, int offset) {
        check("setting input " + position, Native.write(open(), position, from, direct, offset));
    }

    /**
     * Runs on what was set.
     *
     * @throws LiteRtException it fails
     */
    @Override
    public synchronized void run() {
        check("running", Native.run(open()));
    }

    /** An output's bytes, a copy, in the processor's order. */
    public ByteBuffer getOutput(int position) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(outputs[position].size()).order(ByteOrder.nativeOrder());
        read(inputs.length + position, bytes);
        return bytes;
    }

    /**
     * An output of FLOAT32, a copy.
     *
     * @throws IllegalArgumentException it is of another type
     */
    public float[] getFloats(int position) {
        if (outputs[position].type() != DType.FLOAT32) {
            throw new IllegalArgumentException(path + ": output " + position + " is of " + outputs[position].type());
        }
        float[] values = new float[outputs[position].size() / 4];
        getOutput(position).asFloatBuffer().get(values);
        return values;
    }

    private synchronized void read(int port, ByteBuffer to) {
        check("reading tensor " + port, Native.read(open(), port, to));
    }

    @Override
    public List<Tensor> inputs() {
        return tensors(inputs, 0);
    }

    @Override
    public List<Tensor> outputs() {
        return tensors(outputs, inputs.length);
    }

    private synchronized List<Tensor> tensors(Port[] ports, int first) {
        List<Tensor> tensors = new ArrayList<Tensor>(ports.length);
        for (int i = 0; i < ports.length; i++) {
            if (held[first + i] == null) {
                held[first + i] = ByteBuffer.allocateDirect(ports[i].size());
            }
            read(first + i, held[first + i]);
            tensors.add(Tensor.of(ports[i].type(), held[first + i], ports[i].shape()).named(ports[i].name())
                    .quantized(ports[i].scale(), ports[i].zeroPoint()).index(ports[i].index()));
        }
        return tensors;
    }

    @Override
    public synchronized void close() {
        if (model != 0) {
            Native.close(model);
        }
        model = 0;
    }

    private long open() {
        if (model == 0) {
            throw new IllegalStateException(path + " is closed");
        }
        return model;
    }

    private void check(String doing, int status) {
        if (status != 0) {
            throw new LiteRtException(path + ": " + doing + " failed", status);
        }
    }

    private static byte[] text(String text) {
        return (text.replace('\0', '\uFFFD') + '\0').getBytes(StandardCharsets.UTF_8);
    }
}
