package dev.exray.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import android.app.Application;
import android.content.Context;
import android.content.Intent;
import android.hardware.Sensor;
import android.hardware.SensorEvent;
import android.hardware.SensorManager;
import android.os.BatteryManager;
import android.os.PowerManager;
import android.os.SystemClock;
import java.util.Arrays;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.shadows.SensorEventBuilder;
import org.robolectric.shadows.ShadowBatteryManager;
import org.robolectric.shadows.ShadowPowerManager;
import org.robolectric.shadows.ShadowSensor;
import org.robolectric.shadows.ShadowSensorManager;

/** What is read of the phone while a pass runs. */
@RunWith(RobolectricTestRunner.class)
public final class ReadingsTest {
    /** Of a phone that tells its heat; Robolectric has no headroom of its own. */
    @Implements(PowerManager.class)
    public static final class Warm extends ShadowPowerManager {
        @Implementation
        protected float getThermalHeadroom(int forecastSeconds) {
            return 0.25f;
        }

        @Implementation
        protected int getCurrentThermalStatus() {
            return PowerManager.THERMAL_STATUS_MODERATE;
        }
    }

    private final Application app = RuntimeEnvironment.getApplication();
    private final Kept kept = new Kept();

    private void battery() {
        app.sendStickyBroadcast(new Intent(Intent.ACTION_BATTERY_CHANGED).putExtra(BatteryManager.EXTRA_VOLTAGE, 3987)
                .putExtra(BatteryManager.EXTRA_LEVEL, 162).putExtra(BatteryManager.EXTRA_SCALE, 200)
                .putExtra(BatteryManager.EXTRA_TEMPERATURE, 253)
                .putExtra(BatteryManager.EXTRA_STATUS, BatteryManager.BATTERY_STATUS_DISCHARGING));
        ShadowBatteryManager told = Shadows.shadowOf((BatteryManager) app.getSystemService(Context.BATTERY_SERVICE));
        told.setLongProperty(BatteryManager.BATTERY_PROPERTY_CURRENT_NOW, -250_000);
        told.setLongProperty(BatteryManager.BATTERY_PROPERTY_CHARGE_COUNTER, 3_000_000);
    }

    @Test
    @Config(shadows = Warm.class)
    public void allThreeAreReadOnce() throws InterruptedException {
        battery();
        long before = System.nanoTime();
        try (Monitor monitor = new Monitor(app, kept, 0)) {
            monitor.read();
            monitor.read();
        }
        long after = System.nanoTime();
        assertEquals(Arrays.asList("battery -250000 3000000 3987 81 253 3", "thermal 2 0.25", "memory pss native java",
                "battery -250000 3000000 3987 81 253 3", "thermal 2 NaN", "memory - native java"), kept.said);
        for (long time : kept.times) {
            assertTrue(before <= time && time <= after);
        }
    }

    @Test
    @Config(shadows = Warm.class)
    public void itGoesOnUntilItIsClosed() throws InterruptedException {
        battery();
        Monitor monitor = new Monitor(app, kept, 5);
        while (kept.said.size() < 30) {
            Thread.sleep(1);
        }
        monitor.close();
        int taken = kept.said.size();
        assertEquals(0, taken % 3); // none is left in the middle
        assertEquals("memory pss native java", kept.said.get(2));
        assertEquals("memory - native java", kept.said.get(29));
        Thread.sleep(50);
        assertEquals(taken, kept.said.size());
    }

    @Test
    public void whatIsNotToldIsSaidToBeUnknown() {
        ShadowBatteryManager told = Shadows.shadowOf((BatteryManager) app.getSystemService(Context.BATTERY_SERVICE));
        told.setLongProperty(BatteryManager.BATTERY_PROPERTY_CURRENT_NOW, Integer.MIN_VALUE);
        told.setLongProperty(BatteryManager.BATTERY_PROPERTY_CHARGE_COUNTER, Long.MIN_VALUE);
        app.sendStickyBroadcast(new Intent(Intent.ACTION_BATTERY_CHANGED).putExtra(BatteryManager.EXTRA_LEVEL, 50));
        Battery read = Battery.read(app);
        assertEquals(Long.MIN_VALUE, read.currentUa);
        assertEquals(Long.MIN_VALUE, read.chargeUah);
        assertEquals(Long.MIN_VALUE, read.voltageMv);
        assertEquals(Integer.MIN_VALUE, read.levelPercent);
        assertEquals(Integer.MIN_VALUE, read.deciCelsius);
        assertEquals(Integer.MIN_VALUE, read.status);
    }

    @Test
    public void sensorsAreToldByTheirNamesAndOnTheCapturesClock() throws Refusal {
        SensorManager manager = (SensorManager) app.getSystemService(Context.SENSOR_SERVICE);
        ShadowSensorManager shadow = Shadows.shadowOf(manager);
        Sensor light = ShadowSensor.newInstance(Sensor.TYPE_LIGHT);
        Sensor gravity = ShadowSensor.newInstance(Sensor.TYPE_GRAVITY);
        shadow.addSensor(light);
        shadow.addSensor(gravity);
        Sensors sensors = new Sensors(app, kept, new String[] {"gravity", "light"}, 20);
        assertTrue(shadow.hasListener(sensors, light));
        long ago = SystemClock.elapsedRealtimeNanos() - 7_000_000;
        long before = System.nanoTime();
        float[] values = {0.5f, -9.75f, 1};
        send(shadow, gravity, ago, values);
        values[0] = 100; // Android fills its arrays again
        send(shadow, light, ago, new float[] {320});
        long after = System.nanoTime();
        sensors.close();
        assertFalse(shadow.hasListener(sensors));
        assertEquals(Arrays.asList("gravity [0.5, -9.75, 1.0]", "light [320.0]"), kept.said);
        for (long time : kept.times) {
            assertTrue(before - 7_000_000 <= time && time <= after - 7_000_000);
        }
    }

    private static void send(ShadowSensorManager shadow, Sensor sensor, long time, float[] values) {
        SensorEvent event = SensorEventBuilder.newBuilder()
                .setSensor(sensor).setTimestamp(time).setValues(values).build();
        shadow.sendSensorEventToListeners(event, sensor);
    }

    @Test
    public void aSensorThatIsNotThereIsRefused() {
        for (String name : new String[] {"barometer", "gyroscope", ""}) {
            try (Sensors sensors = new Sensors(app, kept, new String[] {name}, 20)) {
                fail("taken: " + name);
            } catch (Refusal e) {
                assertEquals("app.sensors", e.where);
                assertEquals(Refusal.Code.ARGUMENT_INVALID, e.code);
                assertTrue(e.getMessage(),
                        e.getMessage().contains(name.equals("gyroscope") ? "this phone has no" : "none of"));
            }
        }
    }
}
