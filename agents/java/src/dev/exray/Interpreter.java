package dev.exray;

import java.util.List;

/** What runs a model: a {@link dev.exray.litert.Model}, or a few lines of an app's own around another runtime's. */
public interface Interpreter {
    /** Runs the model on the inputs that were set. */
    void run();

    /** What it was fed, by position, as it stands until the next run. */
    List<Tensor> inputs();

    /** What it answered, by position, as it stands until the next run. */
    List<Tensor> outputs();
}
