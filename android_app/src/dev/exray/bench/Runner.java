package dev.exray.bench;

import android.app.Activity;
import android.app.Instrumentation;
import android.content.Context;
import android.content.Intent;
import android.os.Build;
import android.os.Bundle;
import android.os.PowerManager;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * {@code am instrument -w -r -e KEY VALUE ... dev.exray.bench/.Runner}: one command of the agent's in the context of an app.
 * docs/android.md has arguments, statuses and results.
 */
public final class Runner extends Instrumentation {
    private static final int IN_PROGRESS = 1;
    private static final long SCREEN_MS = 15_000;

    private Bundle given;

    @Override
    public void onCreate(Bundle arguments) {
        super.onCreate(arguments);
        given = arguments == null ? new Bundle() : arguments;
        start();
    }

    @Override
    public void onStart() {
        super.onStart();
        Bundle results = new Bundle();
        try {
            results = perform(given, new AgentProcess(getTargetContext()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        finish(results.isEmpty() ? Activity.RESULT_CANCELED : Activity.RESULT_OK, results);
    }

    /** What is asked for, to its end: {@code exit}, {@code error} where it is not 0, {@code used}. */
    Bundle perform(Bundle asked, Host host) throws InterruptedException {
        JSONObject used = new JSONObject();
        Outcome outcome;
        try {
            outcome = run(Arguments.of(asked), asked, host, used);
        } catch (Refusal e) {
            outcome = Outcome.refused(e);
        }
        Bundle results = new Bundle();
        results.putString("exit", Integer.toString(outcome.status));
        if (!outcome.error.isEmpty()) {
            results.putString("error", outcome.error);
        }
        results.putString("used", used.toString());
        return results;
    }

    private Outcome run(Arguments arguments, Bundle asked, Host host, JSONObject used)
            throws Refusal, InterruptedException {
        Context context = getTargetContext();
        // Asked for, it is made: a shell that may not enter the app's own folder brings its files here.
        note(used, "files", String.valueOf(context.getExternalFilesDir(null)));
        note(used, "sdk", Build.VERSION.SDK_INT);
        if (arguments.command.equals(Arguments.PROBE) && arguments.text("runtime", "").isEmpty()) {
            return Outcome.of(0, "", "");
        }
        String runtime = new Home(context).runtime(arguments.text("runtime", "")).getPath();
        PowerManager power = (PowerManager) context.getSystemService(Context.POWER_SERVICE);
        PowerManager.WakeLock awake = power.newWakeLock(PowerManager.PARTIAL_WAKE_LOCK, "exray:pass");
        awake.acquire();
        try {
            boolean screen = arguments.screen();
            if (screen) {
                show(context, arguments.sustained());
            }
            note(used, "sustained", screen && ScreenActivity.isSustained() ? "yes" : "no");
            Outcome outcome = host.run(Work.of(arguments, asked, runtime), arguments.deadlineSeconds(), new Listener() {
                @Override
                public void line(String line) {
                    tell(line);
                }
            });
            note(used, "screen", !screen ? "off" : ScreenActivity.stayed() ? "on" : "lost");
            return outcome;
        } finally {
            ScreenActivity.close();
            awake.release();
        }
    }

    private void show(Context context, boolean sustained) throws Refusal, InterruptedException {
        Intent intent = new Intent(context, ScreenActivity.class)
                .putExtra(ScreenActivity.SUSTAINED, sustained)
                .addFlags(Intent.FLAG_ACTIVITY_NEW_TASK | Intent.FLAG_ACTIVITY_NO_ANIMATION);
        context.startActivity(intent);
        if (!ScreenActivity.await(SCREEN_MS)) {
            throw new Refusal(Refusal.Code.CONTEXT_REFUSED, "screen", "the app did not come to the front within "
                    + SCREEN_MS / 1000 + " s");
        }
    }

    /** A line of the agent's, as a status of the instrumentation. */
    private void tell(String line) {
        Bundle status = new Bundle();
        try {
            JSONObject progress = new JSONObject(line).getJSONObject("progress");
            String text = progress.getLong("done") + "/" + progress.getLong("of");
            status.putString("progress", text);
            ScreenActivity.say(progress.optString("pass", "") + " " + text);
        } catch (JSONException e) {
            status.putString("line", line);
        }
        sendStatus(IN_PROGRESS, status);
    }

    private static void note(JSONObject used, String key, Object value) {
        try {
            used.put(key, value);
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible); // of texts and whole numbers
        }
    }
}
