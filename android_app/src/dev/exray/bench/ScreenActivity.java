package dev.exray.bench;

import android.app.Activity;
import android.os.Build;
import android.os.Bundle;
import android.os.PowerManager;
import android.view.Gravity;
import android.view.Window;
import android.view.WindowManager;
import android.widget.TextView;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Keeps the screen on while a pass runs, and says what runs. */
public final class ScreenActivity extends Activity {
    static final String SUSTAINED = "sustained";

    /** Of the app's one activity, in the process of the instrumentation. */
    private static volatile ScreenActivity shown;
    private static volatile CountDownLatch resumed = new CountDownLatch(1);
    private TextView text;
    private boolean sustained;
    private volatile boolean left;

    @Override
    protected void onCreate(Bundle saved) {
        super.onCreate(saved);
        Window window = getWindow();
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        if (Build.VERSION.SDK_INT >= 27) {
            setShowWhenLocked(true);
            setTurnScreenOn(true);
        } else {
            older(window);
        }
        PowerManager power = (PowerManager) getSystemService(POWER_SERVICE);
        sustained = getIntent().getBooleanExtra(SUSTAINED, true) && power.isSustainedPerformanceModeSupported();
        if (sustained) {
            window.setSustainedPerformanceMode(true);
        }
        text = new TextView(this);
        text.setGravity(Gravity.CENTER);
        text.setText(getApplicationInfo().labelRes);
        setContentView(text);
    }

    @SuppressWarnings("deprecation") // what 27 and later have a method for
    private static void older(Window window) {
        window.addFlags(WindowManager.LayoutParams.FLAG_SHOW_WHEN_LOCKED | WindowManager.LayoutParams.FLAG_TURN_SCREEN_ON);
    }

    @Override
    protected void onResume() {
        super.onResume();
        shown = this;
        resumed.countDown();
    }

    @Override
    protected void onPause() {
        left |= !isFinishing();
        super.onPause();
    }

    @Override
    protected void onDestroy() {
        if (shown == this) {
            shown = null;
            resumed = new CountDownLatch(1);
        }
        super.onDestroy();
    }

    /** Whether it came to the front in that time. */
    static boolean await(long milliseconds) throws InterruptedException {
        return resumed.await(milliseconds, TimeUnit.MILLISECONDS);
    }

    /** Whether it is there, and the phone agreed to hold its clocks. */
    static boolean isSustained() {
        ScreenActivity now = shown;
        return now != null && now.sustained;
    }

    /** Whether it has been in front all the time since it came there. */
    static boolean stayed() {
        ScreenActivity now = shown;
        return now != null && !now.left;
    }

    static void say(final String line) {
        final ScreenActivity now = shown;
        if (now != null) {
            now.runOnUiThread(new Runnable() {
                @Override
                public void run() {
                    now.text.setText(line);
                }
            });
        }
    }

    static void close() {
        final ScreenActivity now = shown;
        if (now != null) {
            now.runOnUiThread(new Runnable() {
                @Override
                public void run() {
                    now.finish();
                }
            });
        }
    }
}
