package dev.exray;

/** The order of an image's channels in memory, 8 bits each. */
public enum PixelFormat {
    RGB,
    BGR,
    RGBA,
    BGRA,
    ARGB,
    GRAY;

    /** Bytes of a pixel. */
    public int channels() {
        return this == GRAY ? 1 : name().length();
    }
}
