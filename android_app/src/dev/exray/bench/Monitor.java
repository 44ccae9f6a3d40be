package dev.exray.bench;

import android.content.Context;
import android.os.Build;
import android.os.Debug;
import android.os.PowerManager;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/** Reads battery, heat and memory every so often, on a thread of its own. */
final class Monitor implements AutoCloseable {
    /** PowerManager answers headroom at most once a second, and NaN otherwise (its documentation). */
    private static final long HEADROOM_NS = 1_000_000_000L;
    private static final int FORECAST_S = 0, PSS_EVERY = 10;

    private final Context context;
    private final Readings readings;
    private final PowerManager power;
    private final ScheduledExecutorService timer;
    private long headroomAt = Long.MIN_VALUE;
    private long taken;

    /** @param periodMs 0: nothing is read */
    Monitor(Context context, Readings readings, int periodMs) {
        this.context = context;
        this.readings = readings;
        power = (PowerManager) context.getSystemService(Context.POWER_SERVICE);
        timer = Executors.newSingleThreadScheduledExecutor(new ThreadFactory() {
            @Override
            public Thread newThread(Runnable work) {
                Thread thread = new Thread(work, "monitor");
                thread.setDaemon(true);
                return thread;
            }
        });
        if (periodMs > 0) {
            timer.scheduleWithFixedDelay(new Runnable() {
                @Override
                public void run() {
                    read();
                }
            }, 0, periodMs, TimeUnit.MILLISECONDS);
        }
    }

    /** Each of the three once. A service that fails costs its reading alone. */
    void read() {
        try {
            readings.battery(System.nanoTime(), Battery.read(context));
        } catch (RuntimeException e) {
            android.util.Log.w("exray", "no battery", e);
        }
        try {
            long now = System.nanoTime();
            readings.thermal(now, status(), headroom(now));
        } catch (RuntimeException e) {
            android.util.Log.w("exray", "no heat", e);
        }
        Runtime java = Runtime.getRuntime();
        readings.memory(System.nanoTime(), pss(), Debug.getNativeHeapAllocatedSize(), java.totalMemory() - java.freeMemory());
    }

    @Override
    public void close() throws InterruptedException {
        timer.shutdown();
        timer.awaitTermination(10, TimeUnit.SECONDS); // what is being read belongs to the pass
    }

    /** -1 before Android 10. */
    private int status() {
        return Build.VERSION.SDK_INT >= 29 ? power.getCurrentThermalStatus() : -1;
    }

    /** NaN before Android 11, where it is not supported, and sooner than a second after the last. */
    private float headroom(long now) {
        if (Build.VERSION.SDK_INT < 30 || headroomAt != Long.MIN_VALUE && now - headroomAt < HEADROOM_NS) {
            return Float.NaN;
        }
        headroomAt = now;
        return power.getThermalHeadroom(FORECAST_S);
    }

    /** The kernel walks every page for it: not each time. */
    private long pss() {
        return taken++ % PSS_EVERY == 0 ? Debug.getPss() << 10 : Long.MIN_VALUE;
    }
}
