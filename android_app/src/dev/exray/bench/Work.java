package dev.exray.bench;

import android.os.Bundle;

/** What the agent's process is told to do. */
final class Work {
    private static final String AGENT = "agent", PLAY = "play", SENSORS = "sensors", SENSOR_MS = "sensor-ms",
            MONITOR_MS = "monitor-ms";

    /** The agent's arguments; none of play. */
    final String[] agent;
    /** The arguments of play as they came; null: it is the agent's work. */
    final Bundle play;
    final String[] sensors;
    final int sensorMs, monitorMs;

    Work(String[] agent, Bundle play, String[] sensors, int sensorMs, int monitorMs) {
        this.agent = agent;
        this.play = play;
        this.sensors = sensors;
        this.sensorMs = sensorMs;
        this.monitorMs = monitorMs;
    }

    static Work of(Arguments asked, Bundle given, String runtime) throws Refusal {
        String[] sensors = asked.sensors().toArray(new String[0]);
        Bundle play = null;
        if (asked.isPlay()) {
            play = new Bundle(given);
            play.putString("runtime", runtime);
        }
        String[] words = asked.isPlay() ? new String[0] : asked.agent(runtime);
        return new Work(words, play, sensors, asked.sensorMs(), asked.monitorMs());
    }

    Bundle bundle() {
        Bundle told = new Bundle();
        told.putStringArray(AGENT, agent);
        told.putBundle(PLAY, play);
        told.putStringArray(SENSORS, sensors);
        told.putInt(SENSOR_MS, sensorMs);
        told.putInt(MONITOR_MS, monitorMs);
        return told;
    }

    static Work of(Bundle told) {
        return new Work(told.getStringArray(AGENT), told.getBundle(PLAY), told.getStringArray(SENSORS),
                told.getInt(SENSOR_MS), told.getInt(MONITOR_MS));
    }
}
