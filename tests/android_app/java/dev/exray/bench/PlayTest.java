package dev.exray.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import android.os.Bundle;
import android.os.Parcel;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;

/** Pictures through Android's decoder and a real model, into a capture. */
@RunWith(RobolectricTestRunner.class)
public final class PlayTest implements Host {
    /** As the service does it, in this process: what comes to it went through a parcel. */
    @Override
    public Outcome run(Work work, int seconds, Listener listener) throws Refusal {
        Parcel parcel = Parcel.obtain();
        parcel.writeBundle(work.bundle());
        parcel.setDataPosition(0);
        Work told = Work.of(parcel.readBundle(getClass().getClassLoader()));
        parcel.recycle();
        ByteArrayOutputStream words = new ByteArrayOutputStream();
        int status = new Play(Arguments.of(told.play), new PrintStream(words, true)).run();
        for (String line : words.toString().split("\n")) {
            listener.line(line);
        }
        return Outcome.of(status, "", "");
    }

    private static Bundle asked(String frames, String... more) {
        Bundle asked = ArgumentsTest.bundle("command", "play", "runtime",
                System.getProperty("bench.external") + "/libLiteRt.so",
                "model", System.getProperty("bench.model"), "frames", frames, "out",
                System.getProperty("bench.out") + "/no.mcap",
                "app.screen", "off");
        asked.putAll(ArgumentsTest.bundle(more));
        return asked;
    }

    /** plays/NAME.properties: further arguments of a play. */
    @Test
    public void whatIsToldIsPlayed() throws Exception {
        String frames = System.getProperty("bench.pictures");
        for (File file : new File(frames, "plays").listFiles()) {
            Properties told = new Properties();
            try (InputStream in = new FileInputStream(file)) {
                told.load(new InputStreamReader(in, StandardCharsets.UTF_8));
            }
            Bundle asked = asked(frames);
            for (String key : told.stringPropertyNames()) {
                asked.putString(key, told.getProperty(key));
            }
            Phone phone = new Phone(false);
            Bundle results = phone.perform(asked, this);
            assertEquals(results.toString(), "0", results.getString("exit"));
            int count = Integer.parseInt(System.getProperty("bench.pictures.count"));
            assertEquals(count, phone.statuses.size());
            assertEquals(count + "/" + count, phone.statuses.get(count - 1).getString("progress"));
        }
    }

    @Test
    public void whatCannotBePlayedIsRefused() throws Exception {
        String frames = System.getProperty("bench.pictures"), none = System.getProperty("bench.out");
        refused("file-unreadable", none + "/frames.tsv", asked(none));
        refused("file-unreadable", frames + "/jobs.tsv", asked(frames, "model", frames + "/jobs.tsv"));
        refused("file-unreadable", "/none/o.mcap", asked(frames, "out", "/none/o.mcap"));
        refused("decode-failed", frames + "/broken/broken.png", asked(frames + "/broken"));
        refused("argument-invalid", System.getProperty("bench.vector"), asked(frames, "model",
                System.getProperty("bench.vector")));
    }

    private void refused(String code, String where, Bundle asked) throws Exception {
        Bundle results = new Phone(false).perform(asked, this);
        assertEquals("2", results.getString("exit"));
        JSONObject error = new JSONObject(results.getString("error")).getJSONObject("error");
        assertEquals(code, error.getString("code"));
        assertEquals(error.toString(), where, error.getString("where"));
        assertTrue(error.getString("message").length() > 5);
    }
}
