package dev.exray.bench;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import android.app.ActivityManager;
import android.app.Application;
import android.app.ApplicationExitInfo;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.ServiceConnection;
import android.os.Build;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Looper;
import android.os.Message;
import android.os.Messenger;
import android.os.RemoteException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.json.JSONObject;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowActivityManager.ApplicationExitInfoBuilder;
import org.robolectric.shadows.ShadowProcess;

/**
 * The app's side of the agent's process. Robolectric has one process and pipes that end at once, so what answers here is
 * a peer with the service's words, and nothing is printed.
 */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = {26, 34})
public final class AgentProcessTest {
    private static final int PID = 4242;

    private final Application app = RuntimeEnvironment.getApplication();
    private final ComponentName service = new ComponentName(app, AgentService.class);
    private final HandlerThread thread = new HandlerThread("peer");
    private volatile Work asked;
    private volatile Integer status;
    private volatile boolean answered, dies;

    @Before
    public void bindable() {
        thread.start();
        Messenger peer = new Messenger(new Handler(thread.getLooper(), new Handler.Callback() {
            @Override
            public boolean handleMessage(Message message) {
                answer(message);
                return true;
            }
        }));
        Shadows.shadowOf(app).setComponentNameAndServiceForBindService(service, peer.getBinder());
        ShadowProcess.clearKilledProcesses();
    }

    @After
    public void end() {
        thread.quitSafely();
    }

    private void answer(Message message) {
        try {
            asked = Work.of(message.getData());
            message.replyTo.send(Message.obtain(null, AgentService.BEGUN, PID, 0));
            if (status != null) {
                message.replyTo.send(Message.obtain(null, AgentService.ENDED, status, 0));
            }
            answered = true;
        } catch (RemoteException e) {
            throw new AssertionError(e);
        }
    }

    /** On a thread of its own, as an instrumentation runs; Android's main thread goes on meanwhile. */
    private Outcome run(final int seconds) throws Exception {
        final Work work = new Work(new String[] {"run", "--model", "m"}, null, new String[] {"light"}, 20, 500);
        final AgentProcess process = new AgentProcess(app);
        FutureTask<Outcome> task = new FutureTask<Outcome>(new Callable<Outcome>() {
            @Override
            public Outcome call() throws Exception {
                return process.run(work, seconds, new Listener() {
                    @Override
                    public void line(String line) {}
                });
            }
        });
        new Thread(task, "instrumentation").start();
        while (!task.isDone()) {
            Shadows.shadowOf(Looper.getMainLooper()).idle();
            if (answered && dies) {
                theAnswersAreRead();
                for (ServiceConnection bound : Shadows.shadowOf(app).getBoundServiceConnections()) {
                    bound.onServiceDisconnected(service);
                }
                dies = false;
            }
            Thread.sleep(5);
        }
        try {
            return task.get();
        } catch (ExecutionException e) {
            throw (Exception) e.getCause();
        }
    }

    private static void theAnswersAreRead() {
        for (Thread one : Thread.getAllStackTraces().keySet()) {
            if (one.getName().equals("agent-answers")) {
                Shadows.shadowOf(((HandlerThread) one).getLooper()).idle();
            }
        }
    }

    /** Nothing stays: neither the binding nor the service. */
    private void isOver() {
        assertTrue(Shadows.shadowOf(app).getBoundServiceConnections().isEmpty());
        assertEquals(service, Shadows.shadowOf(app).getNextStartedService().getComponent());
        assertEquals(service, Shadows.shadowOf(app).getNextStoppedService().getComponent());
    }

    @Test
    public void theWorkArrivesAndItsStatusComesBack() throws Exception {
        status = 2;
        assertEquals(2, run(60).status);
        assertArrayEquals(new String[] {"run", "--model", "m"}, asked.agent);
        assertArrayEquals(new String[] {"light"}, asked.sensors);
        assertNull(asked.play);
        assertEquals(20, asked.sensorMs);
        assertEquals(500, asked.monitorMs);
        assertFalse(ShadowProcess.wasKilled(PID));
        isOver();
    }

    @Test
    public void aProcessThatDiesIsToldWithWhatAndroidKnowsOfIt() throws Exception {
        if (Build.VERSION.SDK_INT >= 30) {
            ActivityManager manager = (ActivityManager) app.getSystemService(Context.ACTIVITY_SERVICE);
            ApplicationExitInfo last = ApplicationExitInfoBuilder.newBuilder().setPid(PID)
                    .setReason(ApplicationExitInfo.REASON_CRASH_NATIVE).setStatus(11).setDescription("crash").build();
            Shadows.shadowOf(manager).addApplicationExitInfo(last);
        }
        dies = true;
        Outcome outcome = run(0);
        JSONObject error = new JSONObject(outcome.error).getJSONObject("error");
        assertEquals("agent-died", error.getString("code"));
        assertEquals(2, outcome.status);
        String death = Build.VERSION.SDK_INT >= 30 ? ", reason 5, status 11, crash" : "";
        assertEquals("the agent's process ended" + death, error.getString("message"));
        isOver();
    }

    @Test
    public void whatTakesTooLongIsKilled() throws Exception {
        try {
            run(1);
            fail("it ended");
        } catch (Refusal e) {
            assertEquals(Refusal.Code.DEADLINE_EXCEEDED, e.code);
        }
        assertTrue(ShadowProcess.wasKilled(PID));
        isOver();
    }

    @Test
    public void aServiceThatCannotBeBoundIsRefused() throws Exception {
        Shadows.shadowOf(app).declareComponentUnbindable(service);
        refused("within 20 s");
        assertEquals(service, Shadows.shadowOf(app).getNextStoppedService().getComponent());
    }

    @Test
    public void whatAndroidForbidsIsRefusedWithItsWords() throws Exception {
        Shadows.shadowOf(app).setThrowInBindService(new SecurityException("not this app"));
        refused("not this app");
    }

    private void refused(String why) throws Exception {
        try {
            run(60);
            fail("it ran");
        } catch (Refusal e) {
            assertEquals(Refusal.Code.CONTEXT_REFUSED, e.code);
            assertTrue(e.getMessage(), e.getMessage().contains(why));
        }
        assertNull(asked);
    }
}
