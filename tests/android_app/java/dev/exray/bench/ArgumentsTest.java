package dev.exray.bench;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import android.os.Bundle;
import java.util.Arrays;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;

/** What am instrument is given, typed. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = {26, 34})
public final class ArgumentsTest {
    private static final String[] PLAY = {
        "command", "play", "model", "/m", "runtime", "/r", "frames", "/f", "out", "/o",
    };

    static Bundle bundle(String... words) {
        Bundle bundle = new Bundle();
        for (int i = 0; i < words.length; i += 2) {
            bundle.putString(words[i], words[i + 1]);
        }
        return bundle;
    }

    static String[] with(String[] words, String... more) {
        String[] all = Arrays.copyOf(words, words.length + more.length);
        System.arraycopy(more, 0, all, words.length, more.length);
        return all;
    }

    @Test
    public void optionsGoToTheAgentInOneOrder() throws Refusal {
        Arguments asked = Arguments.of(bundle("threads", "4", "runtime", "/sdcard/r.so", "pass", "latency",
                "cpu-mask", "f0",
                "label.where", "here = there", "app.screen", "off", "app.sensors", "light", "debug", "false"));
        assertFalse(asked.isPlay());
        assertArrayEquals(new String[] {"run", "--cpu-mask", "f0", "--label", "where=here = there", "--pass", "latency",
            "--runtime", "/own/r.so", "--threads", "4"}, asked.agent("/own/r.so"));
    }

    @Test
    public void whatIsNotToldHasItsDefault() throws Refusal {
        Arguments asked = Arguments.of(bundle("runtime", "/r"));
        assertEquals("run", asked.command);
        assertTrue(asked.screen());
        assertTrue(asked.sustained());
        assertTrue(asked.sensors().isEmpty());
        assertEquals(20, asked.sensorMs());
        assertEquals(1000, asked.monitorMs());
        assertEquals(0, asked.deadlineSeconds());
        Arguments play = Arguments.of(bundle(PLAY));
        assertTrue(play.isPlay());
        assertTrue(play.bilinear());
        assertFalse(play.bgr());
        assertEquals(0, play.rotation());
        assertEquals(1, play.threads());
        assertArrayEquals(new float[] {0, 0, 0}, play.three("mean", 0), 0);
        assertArrayEquals(new float[] {1, 1, 1}, play.three("std", 1), 0);
    }

    @Test
    public void everyValueIsOfItsType() throws Refusal {
        Arguments asked = Arguments.of(bundle(with(PLAY, "app.sensor-ms", "5",
                "app.monitor-ms", "0", "app.screen", "off", "app.sustained", "no", "deadline", "90", "threads", "64",
                "accelerator", "cpu", "resize", "nearest", "channels", "bgr", "rotate", "270", "mean", "127.5", "std",
                "1,2.5,-3")));
        assertEquals(Arrays.asList("light", "gyroscope"),
                Arguments.of(bundle("runtime", "/r", "app.sensors", "light,gyroscope")).sensors());
        assertEquals(5, asked.sensorMs());
        assertEquals(0, asked.monitorMs());
        assertFalse(asked.screen());
        assertFalse(asked.sustained());
        assertEquals(90, asked.deadlineSeconds());
        assertEquals(64, asked.threads());
        assertFalse(asked.bilinear());
        assertTrue(asked.bgr());
        assertEquals(270, asked.rotation());
        assertArrayEquals(new float[] {127.5f, 127.5f, 127.5f}, asked.three("mean", 0), 0);
        assertArrayEquals(new float[] {1, 2.5f, -3}, asked.three("std", 1), 0);
    }

    @Test
    public void whatIsUnknownOrMalformedIsRefusedByItsName() {
        String[] run = {"runtime", "/r"};
        String[][] wrong = {
            {"command", "dance"}, {"app.sensor", "light"}, {"app.", "x"}, {"Threads", "1"}, {"--threads", "1"},
            {"", "1"},
            {"a b", "1"}, {"tether", "1"}, {"app.screen", "ON"}, {"app.screen", ""}, {"app.sustained", "true"},
            {"app.sensor-ms", "4"}, {"app.sensor-ms", "60001"}, {"app.sensor-ms", "5.0"}, {"app.monitor-ms", "-1"},
            {"app.monitor-ms", "99999999999999999999"}, {"app.monitor-ms", " 5"}, {"app.monitor-ms", ""},
            {"deadline", "soon"},
            {"runtime", ""},
        };
        for (String[] pair : wrong) {
            refuses(pair[0], with(run, pair));
        }
        String[][] wrongOfPlay = {
            {"app.sensors", "light"}, {"pass", "latency"}, {"cpu-mask", "f"}, {"model", ""}, {"runtime", ""},
            {"frames", ""}, {"out", ""},
            {"threads", "0"}, {"threads", "65"}, {"threads", "many"}, {"accelerator", "gpu"}, {"resize", "area"},
            {"channels", "gray"},
            {"rotate", "45"}, {"rotate", "-90"}, {"mean", "1,2"}, {"mean", "1,2,3,4"}, {"mean", ""}, {"mean", "1,,3"},
            {"mean", "NaN"}, {"std", "0"}, {"std", "1,0,1"}, {"std", "Infinity"}, {"std", "a"},
        };
        for (String[] pair : wrongOfPlay) {
            refuses(pair[0], with(PLAY, pair));
        }
        refuses("runtime");
        refuses("frames", "command", "play", "model", "/m", "runtime", "/r", "out", "/o");
    }

    private static void refuses(String where, String... words) {
        try {
            Arguments.of(bundle(words));
        } catch (Refusal e) {
            assertEquals(Arrays.toString(words), where, e.where);
            assertEquals(Refusal.Code.ARGUMENT_INVALID, e.code);
            assertEquals(2, e.status());
            return;
        }
        fail("taken: " + Arrays.toString(words));
    }

    @Test
    public void probingNeedsNoRuntime() throws Refusal {
        assertArrayEquals(new String[] {"probe"}, Arguments.of(bundle("command", "probe")).agent(""));
        assertArrayEquals(new String[] {"probe", "--runtime", "/own/r.so"},
                Arguments.of(bundle("command", "probe", "runtime", "/r.so")).agent("/own/r.so"));
    }

    @Test
    public void valuesThatAreNoTextsAreNotTakenForOnes() {
        Bundle bundle = bundle("runtime", "/r");
        bundle.putInt("deadline", 5); // am gives texts; another caller may not
        try {
            Arguments.of(bundle);
            fail("taken");
        } catch (Refusal e) {
            assertEquals("deadline", e.where);
        }
        try {
            Arguments.of(null);
            fail("taken");
        } catch (Refusal e) {
            assertEquals("runtime", e.where);
        }
    }
}
