package dev.exray.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;

import android.app.Activity;
import android.content.Intent;
import android.os.Build;
import android.os.Looper;
import android.os.PowerManager;
import android.view.ViewGroup;
import android.view.WindowManager.LayoutParams;
import android.widget.TextView;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.shadows.ShadowPowerManager;

/** What keeps the screen on. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = {26, 34})
public final class ScreenTest {
    /** Of a phone that can hold its clocks. */
    @Implements(PowerManager.class)
    public static final class Steady extends ShadowPowerManager {
        @Implementation
        protected boolean isSustainedPerformanceModeSupported() {
            return true;
        }
    }

    private static ActivityController<ScreenActivity> shown(boolean sustained) {
        Intent intent = new Intent(RuntimeEnvironment.getApplication(), ScreenActivity.class)
                .putExtra(ScreenActivity.SUSTAINED, sustained);
        return Robolectric.buildActivity(ScreenActivity.class, intent).setup();
    }

    @Test
    public void itStaysOnAboveTheLockAndSaysWhatRuns() throws InterruptedException {
        assertFalse(ScreenActivity.await(0));
        try (ActivityController<ScreenActivity> controller = shown(true)) {
            assertTrue(ScreenActivity.await(0));
            Activity activity = controller.get();
            int flags = activity.getWindow().getAttributes().flags;
            assertNotEquals(0, flags & LayoutParams.FLAG_KEEP_SCREEN_ON);
            if (Build.VERSION.SDK_INT >= 27) {
                assertTrue(Shadows.shadowOf(activity).getShowWhenLocked());
                assertTrue(Shadows.shadowOf(activity).getTurnScreenOn());
            } else {
                assertNotEquals(0, flags & LayoutParams.FLAG_SHOW_WHEN_LOCKED);
                assertNotEquals(0, flags & LayoutParams.FLAG_TURN_SCREEN_ON);
            }
            TextView text = (TextView) ((ViewGroup) activity.findViewById(android.R.id.content)).getChildAt(0);
            assertEquals(activity.getApplicationInfo().loadLabel(activity.getPackageManager()).toString(),
                    text.getText().toString());
            ScreenActivity.say("latency 3/9");
            Shadows.shadowOf(Looper.getMainLooper()).idle();
            assertEquals("latency 3/9", text.getText().toString());
            assertFalse(ScreenActivity.isSustained());
            ScreenActivity.close();
            Shadows.shadowOf(Looper.getMainLooper()).idle();
            assertTrue(activity.isFinishing());
        }
        assertFalse("the next one is waited for anew", ScreenActivity.await(0));
        ScreenActivity.say("to nobody");
        ScreenActivity.close();
    }

    @Test
    public void thatItWasLeftIsRemembered() {
        assertFalse(ScreenActivity.stayed());
        try (ActivityController<ScreenActivity> controller = shown(true)) {
            assertTrue(ScreenActivity.stayed());
            controller.pause();
            controller.resume();
            assertFalse(ScreenActivity.stayed());
        }
    }

    @Test
    @Config(shadows = Steady.class)
    public void clocksAreHeldWhereThePhoneCanAndItWasAskedFor() {
        for (boolean asked : new boolean[] {true, false}) {
            try (ActivityController<ScreenActivity> controller = shown(asked)) {
                assertEquals(asked, ScreenActivity.isSustained());
            }
            assertFalse(ScreenActivity.isSustained());
        }
    }
}
