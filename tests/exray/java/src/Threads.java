import dev.exray.Capture;
import dev.exray.Frame;
import dev.exray.Inference;
import dev.exray.Options;
import dev.exray.Sampling;
import dev.exray.Span;
import dev.exray.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Many threads at once: {@code own} frames, {@code one} frame for all, or a capture that is closed under them. */
final class Threads {
    private static final int THREADS = 8, TIMES = 200;

    private Threads() {}

    public static void main(String[] arguments) throws Exception {
        String how = arguments[1];
        if (how.equals("closed")) {
            for (int round = 0; round < 60; round++) {
                closed(arguments[0]);
            }
            return;
        }
        Options options = new Options().ring(32 << 20);
        if (how.equals("one")) {
            options.sampling(Sampling.ON_ASSERTION, 0);
        }
        try (Capture log = Capture.open(arguments[0], options); Frame shared = log.frame("shared")) {
            List<Thread> threads = new ArrayList<>();
            for (int number = 0; number < THREADS; number++) {
                int mine = number;
                threads.add(new Thread(() -> {
                    for (int i = 0; i < TIMES; i++) {
                        if (how.equals("one")) {
                            shared.scalar("value", mine * 1000 + i);
                        } else {
                            own(log, mine, i);
                        }
                    }
                }));
            }
            run(threads);
            shared.check(false, "all there");
        }
    }

    private static void own(Capture log, int number, int i) {
        try (Frame frame = log.frame(number + "-" + i)) {
            frame.input(0, Tensor.of(new int[] {number, i}).index(0));
            frame.output(0, Tensor.of(new long[] {number * 1000L + i}).index(1));
        }
    }

    private static void closed(String path) throws Exception {
        Capture log = Capture.open(path, new Options().sampling(Sampling.ON_ASSERTION, 0));
        Frame shared = log.frame();
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 4; number++) {
            threads.add(new Thread(() -> {
                for (int i = 0; i < 2000; i++) {
                    shared.text("text", "anything");
                    try (Frame frame = log.frame("x");
                            Inference timed = frame.inference();
                            Span span = frame.span("s")) {
                        frame.output(0, new float[100]);
                        frame.check(i % 3 == 0, "a third");
                        log.sensor("light", 1f);
                        log.count();
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.start();
        }
        Thread.sleep(1);
        log.close();
        for (Thread thread : threads) {
            thread.join();
        }
        shared.close();
        log.close();
    }

    private static void run(List<Thread> threads) throws InterruptedException {
        for (Thread thread : threads) {
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }
}
