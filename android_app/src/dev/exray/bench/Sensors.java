package dev.exray.bench;

import android.content.Context;
import android.hardware.Sensor;
import android.hardware.SensorEvent;
import android.hardware.SensorEventListener;
import android.hardware.SensorManager;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.SystemClock;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;

/** Logs the sensors that were asked for, under the names they were asked by. */
final class Sensors implements SensorEventListener, AutoCloseable {
    private static final Map<String, Integer> TYPES = types();

    private final Map<Integer, String> names = new HashMap<Integer, String>();
    private final SensorManager manager;
    private final HandlerThread thread = new HandlerThread("sensors");
    private final Readings readings;

    /** @throws Refusal there is no such sensor */
    Sensors(Context context, Readings readings, String[] asked, int periodMs) throws Refusal {
        this.readings = readings;
        manager = (SensorManager) context.getSystemService(Context.SENSOR_SERVICE);
        for (String name : asked) {
            Integer type = TYPES.get(name);
            if (type == null) {
                throw new Refusal(Refusal.Code.ARGUMENT_INVALID, "app.sensors", name + " is none of " + TYPES.keySet());
            }
            if (manager.getDefaultSensor(type) == null) {
                throw new Refusal(Refusal.Code.ARGUMENT_INVALID, "app.sensors", "this phone has no " + name);
            }
            names.put(type, name);
        }
        thread.start();
        Handler handler = new Handler(thread.getLooper());
        for (int type : names.keySet()) {
            manager.registerListener(this, manager.getDefaultSensor(type), periodMs * 1000, handler);
        }
    }

    @Override
    public void onSensorChanged(SensorEvent event) {
        // Most phones stamp with the clock that goes on in sleep; captures have the one that does not.
        long ahead = SystemClock.elapsedRealtimeNanos() - System.nanoTime();
        readings.sensor(names.get(event.sensor.getType()), event.timestamp - ahead, event.values.clone());
    }

    @Override
    public void onAccuracyChanged(Sensor sensor, int accuracy) {}

    @Override
    public void close() {
        manager.unregisterListener(this);
        thread.quitSafely();
    }

    private static Map<String, Integer> types() {
        Map<String, Integer> types = new java.util.TreeMap<String, Integer>();
        types.put("accelerometer", Sensor.TYPE_ACCELEROMETER);
        types.put("ambient-temperature", Sensor.TYPE_AMBIENT_TEMPERATURE);
        types.put("gravity", Sensor.TYPE_GRAVITY);
        types.put("gyroscope", Sensor.TYPE_GYROSCOPE);
        types.put("humidity", Sensor.TYPE_RELATIVE_HUMIDITY);
        types.put("light", Sensor.TYPE_LIGHT);
        types.put("linear-acceleration", Sensor.TYPE_LINEAR_ACCELERATION);
        types.put("magnetic-field", Sensor.TYPE_MAGNETIC_FIELD);
        types.put("pressure", Sensor.TYPE_PRESSURE);
        types.put("proximity", Sensor.TYPE_PROXIMITY);
        types.put("rotation-vector", Sensor.TYPE_ROTATION_VECTOR);
        return Collections.unmodifiableMap(types);
    }
}
