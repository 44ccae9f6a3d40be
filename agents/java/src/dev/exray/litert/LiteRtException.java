package dev.exray.litert;

/** The runtime or the model would not do it. */
public final class LiteRtException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;

    LiteRtException(String message, int status) {
        super(status == 0 ? message : message + " (LiteRT status " + status + ")");
        this.status = status;
    }

    /** LiteRtStatus; 0 where it was not LiteRT that failed. */
    public int status() {
        return status;
    }
}
