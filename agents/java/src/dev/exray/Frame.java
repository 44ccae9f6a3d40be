package dev.exray;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

/**
 * One input on its way through the pipeline, until it is closed. What is logged of it later is lost. Any thread may
 * log; those that log of one frame at the same time take turns.
 */
public final class Frame implements AutoCloseable {
    private final Capture capture;
    /** 0: none. */
    private int number;

    Frame(Capture capture, int number) {
        this.capture = capture;
        this.number = number;
    }

    /** Takes the time, and the process's memory. */
    @Override
    public synchronized void close() {
        long log = capture.enter();
        if (log != 0) {
            try {
                Native.frameStop(log, number);
            } finally {
                capture.leave();
            }
        }
        number = 0;
    }

    /** Around the invocation alone; what comes before it in the frame is pre-processing. */
    public Inference inference() {
        return inference(null);
    }

    /** The same, at whose end the interpreter's inputs and outputs are logged. */
    public Inference inference(Interpreter model) {
        synchronized (this) {
            long log = capture.enter();
            if (log != 0) {
                try {
                    Native.inferenceStart(log, number);
                } finally {
                    capture.leave();
                }
            }
        }
        return new Inference(this, model);
    }

    /** Runs the model, takes its time, and logs what it was fed and answered. */
    public void run(Interpreter model) {
        Inference timed = inference();
        try {
            model.run();
        } finally {
            timed.close();
        }
        log(model);
    }

    /** Runs whatever invokes a model, takes its time, and returns what it returned. */
    public <T> T run(Callable<T> invocation) throws Exception {
        Inference timed = inference();
        try {
            return invocation.call();
        } finally {
            timed.close();
        }
    }

    /** Logs an interpreter's inputs and outputs as they stand. */
    public void log(Interpreter model) {
        if (!logged()) {
            return; // reading them has a price
        }
        log(Native.INPUT, model.inputs());
        log(Native.OUTPUT, model.outputs());
    }

    private void log(int role, List<Tensor> tensors) {
        for (int position = 0; position < tensors.size(); position++) {
            put(role, position, tensors.get(position).name, tensors.get(position));
        }
    }

    /** What the model was fed, by position from 0. */
    public void input(int position, Tensor tensor) {
        put(Native.INPUT, from0(position), tensor.name, tensor);
    }

    public void input(int position, float[] values, int... shape) {
        input(position, Tensor.of(values, shape));
    }

    /** What the model answered, by position from 0. */
    public void output(int position, Tensor tensor) {
        put(Native.OUTPUT, from0(position), tensor.name, tensor);
    }

    public void output(int position, float[] values, int... shape) {
        output(position, Tensor.of(values, shape));
    }

    /** What a layer computed, by the tensor's index in the model's graph, or its name. */
    public void layer(Tensor tensor) {
        put(Native.LAYER, 0, tensor.name, tensor);
    }

    /** An array, anywhere in the pipeline. */
    public void tensor(String name, Tensor tensor) {
        put(Native.ELEMENT, 0, name, tensor);
    }

    private synchronized void put(int role, int position, String name, Tensor tensor) {
        long log = capture.enter();
        if (log != 0) {
            try {
                Native.tensor(log, number, role, position, Text.name(name, Text.NAME), tensor.type.code, tensor.sides(),
                        tensor.scale, tensor.zeroPoint, tensor.index, tensor.memory.from, tensor.memory.direct,
                        tensor.memory.offset, tensor.memory.size);
            } finally {
                capture.leave();
            }
        }
    }

    /**
     * A picture.
     *
     * @param rowStride bytes from one row to the next; 0: rows without a gap
     * @throws IllegalArgumentException there are fewer pixels than that
     */
    public void image(String name, byte[] pixels, int width, int height, PixelFormat format, int rowStride) {
        put(name, Memory.of(pixels, pixels.length, 1), width, height, format, rowStride);
    }

    public void image(String name, byte[] pixels, int width, int height, PixelFormat format) {
        image(name, pixels, width, height, format, 0);
    }

    /** What remains in the buffer, a camera's plane for example. */
    public void image(String name, ByteBuffer pixels, int width, int height, PixelFormat format, int rowStride) {
        put(name, Memory.of(pixels), width, height, format, rowStride);
    }

    public void image(String name, ByteBuffer pixels, int width, int height, PixelFormat format) {
        image(name, pixels, width, height, format, 0);
    }

    /** A picture of ints, 0xAARRGGBB each, as of Android's Bitmap.getPixels and of BufferedImage.getRGB. */
    public void image(String name, int[] argb, int width, int height) {
        boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
        put(name, Memory.of(argb, argb.length, 4), width, height, little ? PixelFormat.BGRA : PixelFormat.ARGB, 0);
    }

    private synchronized void put(
            String name, Memory pixels, int width, int height, PixelFormat format, int rowStride) {
        long row = (long) width * format.channels();
        long stride = rowStride == 0 ? row : rowStride;
        if (width <= 0 || height <= 0 || stride < row || pixels.size < (double) stride * (height - 1) + row) {
            throw new IllegalArgumentException(name + ": " + pixels.size + " bytes are no picture of " + width + "x"
                    + height + " pixels in " + format + " with rows " + stride + " bytes apart");
        }
        long log = capture.enter();
        if (log != 0) {
            try {
                byte[] word = Text.of(format.name().toLowerCase(Locale.ROOT));
                Native.image(log, number, Text.name(name, Text.NAME), word, width, height, stride, pixels.from,
                        pixels.direct, pixels.offset);
            } finally {
                capture.leave();
            }
        }
    }

    /** A number. */
    public synchronized void scalar(String name, double value) {
        long log = capture.enter();
        if (log != 0) {
            try {
                Native.scalar(log, number, Text.name(name, Text.NAME), value);
            } finally {
                capture.leave();
            }
        }
    }

    /** A text; a zero in it, which captures have no room for, becomes U+FFFD. */
    public synchronized void text(String name, String text) {
        long log = capture.enter();
        if (log != 0) {
            try {
                Native.text(log, number, Text.name(name, Text.NAME), Text.of(text == null ? "" : text));
            } finally {
                capture.leave();
            }
        }
    }

    /** Anything else; a WAV file named {@code frame} is the clip that came in. */
    public void bytes(String name, byte[] data) {
        put(name, Memory.of(data, data.length, 1));
    }

    /** What remains in the buffer. */
    public void bytes(String name, ByteBuffer data) {
        put(name, Memory.of(data));
    }

    private synchronized void put(String name, Memory data) {
        long log = capture.enter();
        if (log != 0) {
            try {
                Native.bytes(log, number, Text.name(name, Text.NAME), data.from, data.direct, data.offset, data.size);
            } finally {
                capture.leave();
            }
        }
    }

    /** A latency of the app's own. */
    public Span span(String name) {
        long log = capture.enter();
        if (log == 0) {
            return new Span(this, name, 0);
        }
        try {
            return new Span(this, name, Native.now());
        } finally {
            capture.leave();
        }
    }

    /**
     * Tells when something does not hold; makes of a frame one that is logged under ON_ASSERTION. Of a frame that is
     * over it is told as well, as of none.
     *
     * @return {@code holds}
     */
    public synchronized boolean check(boolean holds, String what) {
        if (holds) {
            return true;
        }
        long log = capture.enter();
        if (log != 0) {
            try {
                Native.broken(log, number, Text.name(what, Text.NAME));
            } finally {
                capture.leave();
            }
        }
        return false;
    }

    /** Whether its elements and tensors are logged, by the capture's sampling: where not, they need not be made. */
    public synchronized boolean logged() {
        long log = capture.enter();
        if (log == 0) {
            return false;
        }
        try {
            return Native.wanted(log, number);
        } finally {
            capture.leave();
        }
    }

    synchronized void inferenceStop() {
        long log = capture.enter();
        if (log != 0) {
            try {
                Native.inferenceStop(log, number);
            } finally {
                capture.leave();
            }
        }
    }

    synchronized void spanned(String name, long since) {
        if (number == 0) {
            return; // it would be told of no frame
        }
        long log = capture.enter();
        if (log != 0) {
            try {
                Native.span(log, number, Text.name(name, Text.NAME), since);
            } finally {
                capture.leave();
            }
        }
    }

    private static int from0(int position) {
        if (position < 0) {
            throw new IllegalArgumentException("position " + position + ": the first is 0");
        }
        return position;
    }
}
