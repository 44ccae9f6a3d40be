package dev.exray.agent;

import java.util.concurrent.CountDownLatch;

/** The agent as a program for Java's virtual machine: same arguments, same output, same exit status. */
public final class Main {
    private static final CountDownLatch ENDED = new CountDownLatch(1);

    private Main() {}

    public static void main(String[] arguments) {
        Runtime.getRuntime().addShutdownHook(new Thread("agent-stop") {
            @Override
            public void run() {
                endPass();
            }
        });
        int status;
        try {
            status = Agent.main(arguments);
        } finally {
            ENDED.countDown();
        }
        System.exit(status);
    }

    /** Signals are the virtual machine's, which ends on them; the pass ends first, and its capture is whole chunks. */
    private static void endPass() {
        if (ENDED.getCount() == 0) {
            return;
        }
        Agent.stop();
        try {
            ENDED.await();
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }
}
