package dev.exray.litert;

import dev.exray.DType;

/** An input or output of a model: its constants. */
public final class Port {
    private final String name;
    private final DType type;
    private final int[] shape;
    private final float scale;
    private final long zeroPoint;
    private final int index;
    private final int size;

    Port(String name, DType type, int[] shape, float scale, long zeroPoint, int index, int size) {
        this.name = name;
        this.type = type;
        this.shape = shape;
        this.scale = scale;
        this.zeroPoint = zeroPoint;
        this.index = index;
        this.size = size;
    }

    public String name() {
        return name;
    }

    public DType type() {
        return type;
    }

    /** An open batch is 1. */
    public int[] shape() {
        return shape.clone();
    }

    /** 0: not quantized, or per channel. */
    public float scale() {
        return scale;
    }

    public long zeroPoint() {
        return zeroPoint;
    }

    /** In the model's graph; -1: not told. */
    public int index() {
        return index;
    }

    /** Bytes. */
    public int size() {
        return size;
    }
}
