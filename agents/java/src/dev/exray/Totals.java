package dev.exray;

/** What a capture came to. */
public final class Totals {
    static final int FIELDS = 6;

    private final long[] fields;

    Totals(long[] fields) {
        this.fields = fields;
    }

    public long frames() {
        return fields[0];
    }

    /** Of the file. */
    public long bytes() {
        return fields[1];
    }

    /** Records that found no room. */
    public long dropped() {
        return fields[2];
    }

    public long droppedBytes() {
        return fields[3];
    }

    /** Records left out for the byte budget. */
    public long overBudget() {
        return fields[4];
    }

    /** The errno at which writing stopped; 0: none. */
    public int error() {
        return (int) fields[5];
    }
}
