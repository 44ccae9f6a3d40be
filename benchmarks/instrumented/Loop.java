import dev.exray.Capture;
import dev.exray.Frame;
import dev.exray.Inference;
import dev.exray.Options;
import dev.exray.litert.Model;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileReader;
import java.io.IOException;
import java.util.Random;

/**
 * What latency and memory logging costs an app in Java: the bare model (a), the same again (b), and logged (x), in an
 * order that is each round's own.
 *
 * <pre>java -Dlitert.library=libLiteRt.so Loop MODEL CAPTURE ROUNDS</pre>
 *
 * <p>prints a line an arm and round, {@code ARM TOTAL_NS API_NS}; at the end {@code bytes N frames N}, what the frames
 * added to the capture, and {@code memory KIB}, by which the process grew. Of the heap that is only what it had not
 * touched yet: run it with a small one that is touched (-XX:+UseSerialGC -Xms32m -Xmx32m -XX:+AlwaysPreTouch), or it
 * says how far the collector let garbage grow.
 */
final class Loop {
    private static final int WARM_UP = 20;
    private static final String ARMS = "abx";
    private static final int[][] ORDERS = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    private final Model model;
    private final Capture log;

    private Loop(Model model, Capture log) {
        this.model = model;
        this.log = log;
    }

    public static void main(String[] arguments) throws IOException {
        File capture = new File(arguments[1]);
        // Filled before memory is read, and printed after: what they take is not the API's.
        long[][][] times = new long[Integer.parseInt(arguments[2])][ARMS.length()][2];
        try (Model model = new Model(arguments[0], System.getProperty("litert.library"), 1)) {
            for (int i = 0; i < WARM_UP; i++) {
                model.run();
            }
            resident();
            long before = resident();
            Capture log = Capture.open(capture, options());
            Loop loop = new Loop(model, log);
            for (int i = 0; i < WARM_UP; i++) {
                loop.round(i, new long[ARMS.length()][2]);
            }
            for (int i = 0; i < times.length; i++) {
                loop.round(i, times[i]);
            }
            long after = resident();
            log.close();
            tell(times);
            long bytes = capture.length();
            System.out.println("bytes " + (bytes - empty(capture)) + " frames " + log.count().frames());
            System.out.println("memory " + (after - before));
        }
    }

    private static void tell(long[][][] times) {
        for (int round = 0; round < times.length; round++) {
            for (int arm : order(round)) {
                System.out.println(ARMS.charAt(arm) + " " + times[round][arm][0] + " " + times[round][arm][1]);
            }
        }
    }

    private static int[] order(int round) {
        return ORDERS[new Random(round * 0x9E3779B97F4A7C15L).nextInt(ORDERS.length)];
    }

    private static Options options() {
        return new Options();
    }

    /** Bytes of a capture without frames. */
    private static long empty(File file) throws IOException {
        Capture.open(file, options()).close();
        return file.length();
    }

    /** Fills total and share of the API, by arm. */
    private void round(int number, long[][] times) {
        for (int arm : order(number)) {
            long start = System.nanoTime();
            times[arm][1] = ARMS.charAt(arm) == 'x' ? logged() : bare();
            times[arm][0] = System.nanoTime() - start;
        }
    }

    private long bare() {
        model.run();
        return 0;
    }

    /** Nanoseconds inside the API. */
    private long logged() {
        long start = System.nanoTime();
        Frame frame = log.frame();
        Inference timed = frame.inference();
        long invoked = System.nanoTime();
        model.run();
        long over = System.nanoTime();
        timed.close();
        frame.close();
        return invoked - start + System.nanoTime() - over;
    }

    /** VmRSS of the process, KiB. */
    private static long resident() throws IOException {
        try (BufferedReader status = new BufferedReader(new FileReader("/proc/self/status"))) {
            for (String line = status.readLine(); line != null; line = status.readLine()) {
                if (line.startsWith("VmRSS:")) {
                    return Long.parseLong(line.replaceAll("[^0-9]", ""));
                }
            }
        }
        throw new IOException("/proc/self/status tells no VmRSS");
    }
}
