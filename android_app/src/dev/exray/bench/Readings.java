package dev.exray.bench;

import dev.exray.agent.Agent;

/** Where readings go: into the capture of the pass that runs in this process. */
class Readings {
    void sensor(String name, long monotonicNs, float[] values) {
        Agent.sensor(name, monotonicNs, values);
    }

    void battery(long monotonicNs, Battery told) {
        Agent.battery(monotonicNs, told.currentUa, told.chargeUah, told.voltageMv, told.levelPercent, told.deciCelsius,
                told.status);
    }

    void thermal(long monotonicNs, int status, float headroom) {
        Agent.thermal(monotonicNs, status, headroom);
    }

    void memory(long monotonicNs, long pssBytes, long nativeHeapBytes, long javaHeapBytes) {
        Agent.memory(monotonicNs, pssBytes, nativeHeapBytes, javaHeapBytes);
    }
}
