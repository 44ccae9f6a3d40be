import dev.exray.Capture;
import dev.exray.Frame;
import dev.exray.Options;
import java.lang.reflect.Field;
import sun.misc.Unsafe;

/**
 * What the virtual machine does by signals, while a capture is open: null checks, divisions by zero, stacks that are
 * full. Then the end that is asked for: {@code none}, {@code crash} in native code, {@code wait} to be killed.
 */
final class Signals {
    private static final int TIMES = 200_000;

    private int value;

    public static void main(String[] arguments) throws Exception {
        Capture log = Capture.open(arguments[0], new Options());
        long nulls = 0, zeros = 0, overflows = 0;
        try (Frame frame = log.frame("signals")) {
            for (int i = 0; i < TIMES; i++) {
                nulls += field(i % 7 == 0 ? null : new Signals());
                zeros += divided(i, i % 11);
            }
            for (int i = 0; i < 50; i++) {
                try {
                    deep(i);
                } catch (StackOverflowError full) {
                    overflows++;
                }
            }
            frame.scalar("nulls", nulls);
            frame.scalar("zeros", zeros);
            frame.scalar("overflows", overflows);
        }
        System.out.println(nulls + " " + zeros + " " + overflows);
        if (arguments[1].equals("none")) {
            log.close();
            return;
        }
        for (int i = 0; i < 500; i++) {
            try (Frame frame = log.frame(String.valueOf(i))) {
                frame.output(0, new float[] {i});
            }
        }
        System.out.println("going");
        if (arguments[1].equals("crash")) {
            unsafe().putAddress(8, 1);
        }
        for (int i = 500; i < 10_000_000; i++) {
            try (Frame frame = log.frame(String.valueOf(i))) {
                frame.output(0, new float[] {i});
            }
            Thread.sleep(0, 500_000);
        }
    }

    private static int field(Signals of) {
        try {
            return of.value;
        } catch (NullPointerException none) {
            return 1;
        }
    }

    private static int divided(int one, int other) {
        try {
            return one / other < 0 ? 1 : 0;
        } catch (ArithmeticException zero) {
            return 1;
        }
    }

    private static int deep(int n) {
        return deep(n + 1) + 1;
    }

    private static Unsafe unsafe() throws ReflectiveOperationException {
        Field field = Unsafe.class.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        return (Unsafe) field.get(null);
    }
}
