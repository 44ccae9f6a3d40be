package dev.exray;

/** When elements and tensors of a frame are logged. Times and memory of every frame are, whatever this says. */
public enum Sampling {
    /** Every n-th frame, from the first; n of 0 is 1. */
    EVERY,
    /** The first n frames. */
    FIRST,
    /** Frames of which {@link Frame#check} was told that something does not hold. */
    ON_ASSERTION,
    NEVER
}
