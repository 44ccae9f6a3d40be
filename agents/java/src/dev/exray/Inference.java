package dev.exray;

/** An invocation, until it is closed. */
public final class Inference implements AutoCloseable {
    private final Frame frame;
    private final Interpreter model;
    private boolean over;

    Inference(Frame frame, Interpreter model) {
        this.frame = frame;
        this.model = model;
    }

    /** Takes the time and, of an interpreter, logs what it was fed and answered. */
    @Override
    public void close() {
        if (over) {
            return;
        }
        over = true;
        frame.inferenceStop();
        if (model != null) {
            frame.log(model);
        }
    }
}
