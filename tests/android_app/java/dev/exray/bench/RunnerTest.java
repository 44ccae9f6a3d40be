package dev.exray.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.app.Activity;
import android.os.Bundle;
import android.os.PowerManager;
import java.io.File;
import java.io.FileOutputStream;
import java.util.Arrays;
import java.util.TreeSet;
import org.json.JSONObject;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.shadows.ShadowPowerManager;

/** A command from am's words to its result, with a real pass of the agent's. */
@RunWith(RobolectricTestRunner.class)
public final class RunnerTest {
    private final File external = new File(System.getProperty("bench.external"));
    private final File runtime = new File(external, "libLiteRt.so");
    private final JvmHost host = new JvmHost();

    /** The first window loads Android's graphics, which takes its time; the app waits for its own no longer than on a phone. */
    @Before
    public void showAWindow() {
        Robolectric.buildActivity(Activity.class).setup().close();
    }

    private static Bundle pass(File runtime, String name, String... more) {
        Bundle asked = ArgumentsTest.bundle("command", "run", "pass", name, "runtime", runtime.getPath(),
                "model", System.getProperty("bench.model"), "frames", System.getProperty("bench.frames"),
                "out", System.getProperty("bench.out") + "/" + name + ".mcap", "threads", "2", "label.where",
                "h\u00e9re");
        asked.putAll(ArgumentsTest.bundle(more));
        return asked;
    }

    @Test
    public void latencyIsMeasuredBehindAScreen() throws Exception {
        measures("latency");
    }

    @Test
    public void layersAreLogged() throws Exception {
        measures("layers");
    }

    private void measures(String name) throws Exception {
        ShadowPowerManager.clearWakeLocks();
        Phone phone = new Phone(false);
        Bundle results = phone.perform(pass(runtime, name), host);
        assertEquals("0 " + results, "0", results.getString("exit"));
        assertNull(results.getString("error"));
        JSONObject used = new JSONObject(results.getString("used"));
        assertEquals("on", used.getString("screen"));
        assertEquals("no", used.getString("sustained")); // this phone has no such mode
        assertEquals(34, used.getInt("sdk"));
        for (int code : phone.codes) {
            assertEquals(1, code);
        }
        String progress = null, line = null;
        for (Bundle status : phone.statuses) {
            assertEquals(status.toString(), 1, status.size());
            progress = status.getString("progress", progress);
            line = status.getString("line", line);
        }
        String frames = System.getProperty("bench.count");
        assertEquals(frames + "/" + frames, progress);
        assertTrue(line, new JSONObject(line).has("done"));
        assertTrue(phone.screen.get().isFinishing());
        PowerManager.WakeLock awake = ShadowPowerManager.getLatestWakeLock();
        assertFalse(awake.isHeld());
    }

    @Test
    public void aRuntimeOnExternalStorageIsTakenAlongAndOthersGo() throws Exception {
        File cache = RuntimeEnvironment.getApplication().getCodeCacheDir();
        File old = new File(cache, "runtime-0123"), other = new File(cache, "other");
        assertTrue(old.mkdirs() && other.mkdirs());
        for (File folder : new File[] {old, other}) {
            new FileOutputStream(new File(folder, "libLiteRt.so")).close();
        }
        for (int i = 0; i < 2; i++) { // also over a copy that is there, and read-only
            Bundle results = new Phone(false).perform(pass(runtime, "latency", "out", file("copied.mcap"),
                    "app.screen", "off"), host);
            assertEquals(results.toString(), "0", results.getString("exit"));
            assertEquals("off", new JSONObject(results.getString("used")).getString("screen"));
        }
        File folder = new File(cache, "runtime-" + Home.sha256(runtime)), copy = new File(folder, "libLiteRt.so");
        int at = Arrays.asList(host.work.agent).indexOf("--runtime");
        assertEquals(copy.getPath(), host.work.agent[at + 1]);
        assertEquals(new TreeSet<String>(Arrays.asList("libLiteRt.so", "libLiteRtOther.so")),
                new TreeSet<String>(Arrays.asList(folder.list())));
        assertEquals(Home.sha256(runtime), Home.sha256(copy));
        assertEquals(0, old.exists() ? old.list().length : 0);
        assertEquals(1, other.list().length);
    }

    @Test
    public void aRuntimeOfTheAppsOwnIsLoadedWhereItIs() throws Exception {
        File own = new File(RuntimeEnvironment.getApplication().getFilesDir(), "none/../libLiteRt.so");
        File real = new File(RuntimeEnvironment.getApplication().getFilesDir(), "libLiteRt.so");
        java.nio.file.Files.copy(runtime.toPath(), real.toPath());
        assertTrue(new File(real.getParentFile(), "none").mkdir());
        Bundle results = new Phone(false).perform(pass(own, "latency", "out", file("own.mcap"), "app.screen", "off"),
                host);
        assertEquals(results.toString(), "0", results.getString("exit"));
        assertEquals(own.getPath(), host.work.agent[Arrays.asList(host.work.agent).indexOf("--runtime") + 1]);
    }

    @Test
    public void theAgentsOwnErrorsComeThrough() throws Exception {
        Bundle results = new Phone(false).perform(pass(runtime, "latency", "model", "/none.tflite"), host);
        assertEquals("2", results.getString("exit"));
        JSONObject error = new JSONObject(results.getString("error")).getJSONObject("error");
        assertEquals("model-unreadable", error.getString("code"));
        assertEquals("/none.tflite", error.getString("where"));
        results = new Phone(false).perform(pass(runtime, "latency", "no-such-option", "1", "app.screen", "off"), host);
        assertEquals("2", results.getString("exit"));
        assertEquals("bad-usage", new JSONObject(results.getString("error")).getJSONObject("error").getString("code"));
    }

    @Test
    public void whatTheAppRefusesLooksTheSame() throws Exception {
        refused("argument-invalid", "app.screen", 2, pass(runtime, "latency", "app.screen", "maybe"), false);
        refused("file-unreadable", "/none.so", 2, pass(new File("/none.so"), "latency"), false);
        assertNull(host.work);
    }

    @Test
    public void aLockedPhoneIsToldAsSuch() throws Exception {
        refused("context-refused", "screen", 3, pass(runtime, "latency"), true);
        assertNull(host.work);
        assertFalse(ShadowPowerManager.getLatestWakeLock().isHeld());
    }

    private void refused(String code, String where, int status, Bundle asked, boolean locked) throws Exception {
        Bundle results = new Phone(locked).perform(asked, host);
        assertEquals(Integer.toString(status), results.getString("exit"));
        JSONObject error = new JSONObject(results.getString("error")).getJSONObject("error");
        assertEquals(code, error.getString("code"));
        assertEquals(where, error.getString("where"));
        assertEquals(status == 2 ? "job" : "infrastructure", error.getString("kind"));
        assertFalse(error.getString("message").isEmpty());
    }

    @Test
    public void probingMakesTheFolderThatAShellCanReach() throws Exception {
        Bundle results = new Phone(false).perform(ArgumentsTest.bundle("command", "probe"), host);
        assertEquals("0", results.getString("exit"));
        JSONObject used = new JSONObject(results.getString("used"));
        assertTrue(new File(used.getString("files")).isDirectory());
        assertNull(host.work);
        results = new Phone(false).perform(ArgumentsTest.bundle("command", "probe", "runtime", runtime.getPath(),
                "app.screen", "off"), host);
        assertEquals(results.toString(), "0", results.getString("exit"));
        assertEquals("probe", host.work.agent[0]);
    }

    private static String file(String name) {
        return System.getProperty("bench.out") + "/" + name;
    }
}
