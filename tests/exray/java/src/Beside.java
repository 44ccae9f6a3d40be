import dev.exray.agent.Agent;

/**
 * A pass on one thread, and on others what an app does beside it: sensors, what the system tells, and null checks and
 * full stacks, which the virtual machine has by signals. The arguments are the agent's.
 */
final class Beside {
    private static final long NONE = Long.MIN_VALUE;

    private static volatile boolean over;
    private static volatile long nulls, overflows;

    private int value;

    public static void main(String[] arguments) throws Exception {
        Agent.sensor("too early", 1, new float[] {1});
        Thread[] others = {new Thread(Beside::fail), new Thread(Beside::tell), new Thread(Beside::tell)};
        for (Thread other : others) {
            other.start();
        }
        int status = Agent.main(arguments);
        over = true;
        for (Thread other : others) {
            other.join();
        }
        Agent.sensor("too late", 1, new float[] {1});
        try {
            Agent.main(new String[] {"run"});
        } catch (IllegalStateException once) {
            System.out.println(once.getMessage());
        }
        System.out.println(Agent.main(new String[] {"clock"}) + " " + (nulls > 0) + " " + (overflows > 0));
        System.exit(status);
    }

    private static void fail() {
        for (int i = 0; !over; i++) {
            try {
                nulls += (i % 7 == 0 ? null : new Beside()).value;
            } catch (NullPointerException none) {
                nulls++;
            }
            if (i % 1000 == 0) {
                try {
                    deep(i);
                } catch (StackOverflowError full) {
                    overflows++;
                }
            }
        }
    }

    private static int deep(int n) {
        return deep(n + 1) + 1;
    }

    private static void tell() {
        for (int i = 1; !over; i++) {
            Agent.sensor("accelerometer", i, new float[] {0.5f, -9.75f, i});
            Agent.sensor("too many", i, new float[33]);
            Agent.battery(i, -250_000, 3_000_000, 3_987, 81, 253, 3);
            Agent.battery(i, NONE, NONE, NONE, Integer.MIN_VALUE, Integer.MIN_VALUE, Integer.MIN_VALUE);
            Agent.thermal(i, 2, Float.NaN);
            Agent.thermal(i, -1, 0.25f);
            Agent.memory(i, 1 << 20, 2 << 20, NONE);
            try {
                Thread.sleep(1);
            } catch (InterruptedException never) {
                return;
            }
        }
    }
}
