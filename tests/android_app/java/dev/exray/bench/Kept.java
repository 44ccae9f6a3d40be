package dev.exray.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Readings, kept in words. */
final class Kept extends Readings {
    final List<String> said = Collections.synchronizedList(new ArrayList<String>());
    final List<Long> times = Collections.synchronizedList(new ArrayList<Long>());

    private void keep(long time, String words) {
        times.add(time);
        said.add(words);
    }

    @Override
    void sensor(String name, long monotonicNs, float[] values) {
        keep(monotonicNs, name + " " + Arrays.toString(values));
    }

    @Override
    void battery(long monotonicNs, Battery told) {
        keep(monotonicNs,
                "battery " + told.currentUa + " " + told.chargeUah + " " + told.voltageMv + " " + told.levelPercent
                + " " + told.deciCelsius + " " + told.status);
    }

    @Override
    void thermal(long monotonicNs, int status, float headroom) {
        keep(monotonicNs, "thermal " + status + " " + headroom);
    }

    @Override
    void memory(long monotonicNs, long pssBytes, long nativeHeapBytes, long javaHeapBytes) {
        keep(monotonicNs, "memory " + (pssBytes == Long.MIN_VALUE ? "-" : pssBytes >= 0 ? "pss" : "?")
                + (nativeHeapBytes >= 0 ? " native" : " ?") + (javaHeapBytes > 0 ? " java" : " ?"));
    }
}
