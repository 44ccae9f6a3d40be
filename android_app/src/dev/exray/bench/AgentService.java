package dev.exray.bench;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.Service;
import android.content.Intent;
import android.content.pm.ServiceInfo;
import android.os.Build;
import android.os.Bundle;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import android.os.Message;
import android.os.Messenger;
import android.os.ParcelFileDescriptor;
import android.os.Process;
import android.os.RemoteException;
import android.util.Log;
import dev.exray.agent.Agent;
import java.io.FileOutputStream;
import java.io.PrintStream;

/**
 * The agent's own process. It does one piece of work and ends: the agent ends the process it runs in when it fails, and
 * a runtime that crashes costs nobody else anything.
 */
public final class AgentService extends Service {
    /** To it: the work, with the descriptors to print to. From it: its process's number, and the exit status. */
    static final int WORK = 1, BEGUN = 2, ENDED = 3;
    static final String OUT = "out", ERR = "err";

    private static final String CHANNEL = "agent";
    private static final int NOTIFICATION = 1;

    private final Messenger messenger = new Messenger(new Handler(Looper.getMainLooper(), new Handler.Callback() {
        @Override
        public boolean handleMessage(Message message) {
            if (message.what == WORK) {
                begin(message.getData(), message.replyTo);
            }
            return message.what == WORK;
        }
    }));

    @Override
    public int onStartCommand(Intent intent, int flags, int start) {
        NotificationManager notes = (NotificationManager) getSystemService(NOTIFICATION_SERVICE);
        notes.createNotificationChannel(new NotificationChannel(CHANNEL, "Measuring", NotificationManager.IMPORTANCE_LOW));
        Notification note = new Notification.Builder(this, CHANNEL)
                .setSmallIcon(android.R.drawable.stat_notify_sync)
                .setContentTitle(getString(getApplicationInfo().labelRes))
                .setContentText("A model is measured")
                .setOngoing(true)
                .build();
        if (Build.VERSION.SDK_INT >= 34) {
            startForeground(NOTIFICATION, note, ServiceInfo.FOREGROUND_SERVICE_TYPE_SPECIAL_USE);
        } else {
            startForeground(NOTIFICATION, note);
        }
        return START_NOT_STICKY;
    }

    @Override
    public IBinder onBind(Intent intent) {
        return messenger.getBinder();
    }

    private void begin(final Bundle told, final Messenger asker) {
        new Thread("agent") {
            @Override
            public void run() {
                send(asker, BEGUN, Process.myPid());
                int status = work(told);
                send(asker, ENDED, status);
                Process.killProcess(Process.myPid());
            }
        }.start();
    }

    @SuppressWarnings("deprecation") // the typed getParcelable is of Android 13
    private int work(Bundle told) {
        told.setClassLoader(getClassLoader());
        Work work = Work.of(told);
        ParcelFileDescriptor out = told.getParcelable(OUT), err = told.getParcelable(ERR);
        PrintStream words = new PrintStream(new FileOutputStream(out.getFileDescriptor()), true);
        try {
            Agent.output(out.getFd(), err.getFd());
            return perform(work, words);
        } catch (Refusal e) {
            return tell(err, e);
        } catch (Exception e) {
            return tell(err, new Refusal(Refusal.Code.APP_FAILED, "", e.toString()));
        } catch (OutOfMemoryError e) {
            return tell(err, new Refusal(Refusal.Code.APP_FAILED, "", e.toString()));
        } catch (LinkageError e) { // of the native libraries
            return tell(err, new Refusal(Refusal.Code.APP_FAILED, "", e.toString()));
        }
    }

    private static int tell(ParcelFileDescriptor err, Refusal why) {
        new PrintStream(new FileOutputStream(err.getFileDescriptor()), true).println(why.line());
        return why.status();
    }

    private int perform(Work work, PrintStream words) throws Refusal, InterruptedException {
        if (work.play != null) {
            return new Play(Arguments.of(work.play), words).run();
        }
        Readings readings = new Readings();
        try (Sensors sensors = new Sensors(this, readings, work.sensors, work.sensorMs);
                Monitor monitor = new Monitor(this, readings, work.monitorMs)) {
            return Agent.main(work.agent);
        }
    }

    private static void send(Messenger to, int what, int number) {
        try {
            to.send(Message.obtain(null, what, number, 0));
        } catch (RemoteException e) {
            Log.w("exray", "nobody waits for the agent any more", e);
        }
    }
}
