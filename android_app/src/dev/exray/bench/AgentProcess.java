package dev.exray.bench;

import android.app.ActivityManager;
import android.app.ApplicationExitInfo;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.ServiceConnection;
import android.os.Build;
import android.os.Bundle;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.IBinder;
import android.os.Message;
import android.os.Messenger;
import android.os.ParcelFileDescriptor;
import android.os.Process;
import android.os.RemoteException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** {@link AgentService}, asked for one piece of work and outlived. */
final class AgentProcess implements Host, ServiceConnection, Handler.Callback {
    private static final long START_S = 20, SLACK_S = 10, FOR_EVER_S = 7 * 86_400L, REASON_MS = 2_000;

    private final Context context;
    private final CountDownLatch connected = new CountDownLatch(1), gone = new CountDownLatch(1);
    private volatile IBinder service;
    private volatile Integer status;
    private volatile int pid;

    AgentProcess(Context context) {
        this.context = context;
    }

    @Override
    public Outcome run(Work work, int seconds, Listener listener) throws Refusal, InterruptedException {
        HandlerThread thread = new HandlerThread("agent-answers");
        thread.start();
        Intent intent = new Intent(context, AgentService.class);
        boolean bound = false;
        try {
            context.startForegroundService(intent);
            bound = context.bindService(intent, this, Context.BIND_AUTO_CREATE | Context.BIND_IMPORTANT);
            if (!bound || !connected.await(START_S, TimeUnit.SECONDS)) {
                throw refused("Android did not start the agent's service within " + START_S + " s");
            }
            return perform(work, seconds, listener, new Messenger(new Handler(thread.getLooper(), this)));
        } catch (IllegalStateException e) { // also ForegroundServiceStartNotAllowedException, of Android 12
            throw refused(e.getMessage());
        } catch (SecurityException e) {
            throw refused(e.getMessage());
        } finally {
            if (bound) {
                context.unbindService(this);
            }
            context.stopService(intent);
            thread.quitSafely();
        }
    }

    private Outcome perform(Work work, int seconds, Listener listener, Messenger answers)
            throws Refusal, InterruptedException {
        LineReader out = null, err = null;
        try {
            ParcelFileDescriptor[] outs = ParcelFileDescriptor.createPipe(), errs = ParcelFileDescriptor.createPipe();
            out = new LineReader(new ParcelFileDescriptor.AutoCloseInputStream(outs[0]), listener);
            err = new LineReader(new ParcelFileDescriptor.AutoCloseInputStream(errs[0]), null);
            Bundle told = work.bundle();
            told.putParcelable(AgentService.OUT, outs[1]);
            told.putParcelable(AgentService.ERR, errs[1]);
            Message message = Message.obtain(null, AgentService.WORK);
            message.setData(told);
            message.replyTo = answers;
            new Messenger(service).send(message);
            outs[1].close(); // the service's copies are the last: their end is its end
            errs[1].close();
        } catch (IOException e) {
            throw refused("no pipe: " + e.getMessage());
        } catch (RemoteException e) {
            throw refused("the agent's service went away at once");
        }
        boolean ended = gone.await(seconds == 0 ? FOR_EVER_S : seconds + SLACK_S, TimeUnit.SECONDS);
        if (!ended) {
            if (pid != 0) {
                Process.killProcess(pid);
            }
            throw new Refusal(Refusal.Code.DEADLINE_EXCEEDED, "", "no end after " + seconds + " s");
        }
        out.end();
        err.end();
        String death = status == null ? reason() : ""; // its last message may come after the word of its end
        return Outcome.of(status, err.last(), death);
    }

    @Override
    public boolean handleMessage(Message message) {
        if (message.what == AgentService.BEGUN) {
            pid = message.arg1;
        } else if (message.what == AgentService.ENDED) {
            status = message.arg1;
            gone.countDown();
        }
        return true;
    }

    @Override
    public void onServiceConnected(ComponentName name, IBinder binder) {
        if (connected.getCount() > 0) { // not one that Android started again
            service = binder;
            connected.countDown();
        }
    }

    @Override
    public void onServiceDisconnected(ComponentName name) {
        gone.countDown();
    }

    /** What Android 11 and later know of the end of the agent's process; "" otherwise. */
    private String reason() throws InterruptedException {
        if (Build.VERSION.SDK_INT < 30 || pid == 0) {
            return "";
        }
        ActivityManager manager = (ActivityManager) context.getSystemService(Context.ACTIVITY_SERVICE);
        long over = System.nanoTime() + REASON_MS * 1_000_000;
        while (System.nanoTime() < over) { // it is written a moment after the end
            List<ApplicationExitInfo> found = manager.getHistoricalProcessExitReasons(context.getPackageName(), pid, 1);
            if (!found.isEmpty()) {
                ApplicationExitInfo last = found.get(0);
                return ", reason " + last.getReason() + ", status " + last.getStatus()
                        + (last.getDescription() == null ? "" : ", " + last.getDescription());
            }
            Thread.sleep(100);
        }
        return "";
    }

    private static Refusal refused(String why) {
        return new Refusal(Refusal.Code.CONTEXT_REFUSED, "", String.valueOf(why));
    }
}
