package dev.exray;

/** Types of a tensor's values. */
public enum DType {
    BOOL(1, 1),
    INT8(3, 1),
    INT16(4, 2),
    INT32(5, 4),
    INT64(6, 8),
    UINT8(7, 1),
    UINT16(8, 2),
    UINT32(9, 4),
    UINT64(10, 8),
    FLOAT16(11, 2),
    BFLOAT16(12, 2),
    FLOAT32(13, 4),
    FLOAT64(14, 8);

    /** As in exray.h. */
    final int code;
    private final int width;

    DType(int code, int width) {
        this.code = code;
        this.width = width;
    }

    /** Bytes of a value. */
    public int width() {
        return width;
    }

    /** The type of this number in exray.h.
     *
     * @throws IllegalArgumentException there is none
     */
    public static DType of(int code) {
        for (DType type : values()) {
            if (type.code == code) {
                return type;
            }
        }
        throw new IllegalArgumentException("captures have no type " + code);
    }
}
