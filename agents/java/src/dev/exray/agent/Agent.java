package dev.exray.agent;

import java.nio.charset.StandardCharsets;

/**
 * The agent (exray-agent) in a process of Java's. It is made for a process of its own: what fails ends it, as it ends
 * the program, after one line of JSON on stderr.
 */
public final class Agent {
    private static final Object ONE = new Object();
    private static boolean ran;

    static {
        System.loadLibrary("exray_agent_jni");
    }

    private Agent() {}

    /**
     * Puts two open file descriptors over stdout and stderr, also those of Java. To be called before {@link #main}.
     *
     * @throws IllegalArgumentException one of them is not open
     */
    public static void output(int stdout, int stderr) {
        int error = redirect(stdout, stderr);
        if (error != 0) {
            throw new IllegalArgumentException(
                    "descriptors " + stdout + " and " + stderr + " cannot be written to: errno " + error);
        }
    }

    /**
     * Does what the program does with these arguments ({@code "run", "--runtime", ...}), and returns its exit status.
     * An error ends the process. A pass is run once in a process; other commands any number of times.
     *
     * @throws IllegalStateException this process has had its pass
     */
    public static int main(String[] arguments) {
        byte[][] texts = new byte[arguments.length][];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = arguments[i].getBytes(StandardCharsets.UTF_8);
        }
        synchronized (ONE) {
            if (arguments.length > 0 && arguments[0].equals("run")) {
                if (ran) {
                    throw new IllegalStateException("a process runs one pass");
                }
                ran = true;
            }
            return run(texts);
        }
    }

    /** Asks a running pass to end after its invocation, as SIGTERM asks the program. */
    public static native void stop();

    /**
     * Puts a reading of a sensor into the running pass's capture. Outside a pass this and its like do nothing. Times
     * are of CLOCK_MONOTONIC: {@code System.nanoTime()} on Android.
     */
    public static void sensor(String name, long monotonicNs, float[] values) {
        sensor(name.getBytes(StandardCharsets.UTF_8), monotonicNs, values);
    }

    /** What BatteryManager tells; {@code Long.MIN_VALUE} and {@code Integer.MIN_VALUE} where it does not. */
    public static native void battery(long monotonicNs, long currentUa, long chargeUah, long voltageMv,
            int levelPercent, int deciCelsius, int status);

    /** What PowerManager tells of heat; -1 and NaN where it does not. */
    public static native void thermal(long monotonicNs, int status, float headroom);

    /** The process's memory; {@code Long.MIN_VALUE} where it is not known. */
    public static native void memory(long monotonicNs, long pssBytes, long nativeHeapBytes, long javaHeapBytes);

    private static native void sensor(byte[] name, long monotonicNs, float[] values);

    private static native int redirect(int stdout, int stderr);

    private static native int run(byte[][] arguments);
}
