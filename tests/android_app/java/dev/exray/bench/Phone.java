package dev.exray.bench;

import android.app.IInstrumentationWatcher;
import android.app.Instrumentation;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.os.Bundle;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.android.controller.ActivityController;

/** What Android does for an instrumentation: it is given contexts and a watcher, and what it starts comes to the front. */
final class Phone extends IInstrumentationWatcher.Stub {
    final List<Bundle> statuses = Collections.synchronizedList(new ArrayList<Bundle>());
    final List<Integer> codes = Collections.synchronizedList(new ArrayList<Integer>());
    ActivityController<ScreenActivity> screen;
    private final boolean locked;

    /** @param locked it starts no activity */
    Phone(boolean locked) {
        this.locked = locked;
    }

    @Override
    public void instrumentationStatus(ComponentName name, int code, Bundle status) {
        codes.add(code);
        statuses.add(status);
    }

    @Override
    public void instrumentationFinished(ComponentName name, int code, Bundle results) {}

    /** Runs it on a thread of its own, as Android does; the main thread goes on meanwhile. */
    Bundle perform(final Bundle asked, final Host host) throws Exception {
        final Runner runner = new Runner();
        Context context = RuntimeEnvironment.getApplication();
        for (Method method : Instrumentation.class.getDeclaredMethods()) {
            if (method.getName().equals("init") && method.getParameterTypes().length == 6) {
                method.setAccessible(true);
                method.invoke(runner, RuntimeEnvironment.getActivityThread(), context, context,
                        new ComponentName(context, Runner.class), this, null);
            }
        }
        FutureTask<Bundle> task = new FutureTask<Bundle>(new Callable<Bundle>() {
            @Override
            public Bundle call() throws Exception {
                return runner.perform(asked, host);
            }
        });
        new Thread(task, "instrumentation").start();
        while (!task.isDone()) {
            Shadows.shadowOf(android.os.Looper.getMainLooper()).idle();
            Intent started = Shadows.shadowOf(RuntimeEnvironment.getApplication()).getNextStartedActivity();
            if (started != null && !locked) {
                screen = Robolectric.buildActivity(ScreenActivity.class, started).setup();
            }
            Thread.sleep(5);
        }
        Shadows.shadowOf(android.os.Looper.getMainLooper()).idle();
        if (screen != null) {
            screen.pause().stop().destroy();
        }
        try {
            return task.get();
        } catch (ExecutionException e) {
            throw new AssertionError(e.getCause());
        }
    }
}
