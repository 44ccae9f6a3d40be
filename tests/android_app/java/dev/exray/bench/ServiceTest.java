package dev.exray.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertNotNull;

import android.app.Application;
import android.app.Notification;
import android.app.NotificationManager;
import android.app.Service;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.pm.ActivityInfo;
import android.content.pm.ApplicationInfo;
import android.content.pm.PackageManager;
import android.content.pm.ServiceInfo;
import android.os.Build;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.Shadows;
import org.robolectric.annotation.Config;

/** The agent's service, as Android knows it from the manifest and as it comes to the front. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = {26, 34})
public final class ServiceTest {
    private final Application app = RuntimeEnvironment.getApplication();

    @Test
    public void itIsShownInTheForegroundAndNotStartedAgain() {
        AgentService service = Robolectric.buildService(AgentService.class).create().get();
        assertEquals(Service.START_NOT_STICKY, service.onStartCommand(new Intent(), 0, 1));
        Notification note = Shadows.shadowOf(service).getLastForegroundNotification();
        assertNotNull(note);
        assertNotEquals(0, note.flags & Notification.FLAG_ONGOING_EVENT);
        assertEquals("exray bench", note.extras.getString(Notification.EXTRA_TITLE));
        NotificationManager notes = (NotificationManager) app.getSystemService(Context.NOTIFICATION_SERVICE);
        assertEquals(NotificationManager.IMPORTANCE_LOW,
                notes.getNotificationChannel(note.getChannelId()).getImportance());
        if (Build.VERSION.SDK_INT >= 34) {
            assertEquals(ServiceInfo.FOREGROUND_SERVICE_TYPE_SPECIAL_USE, service.getForegroundServiceType());
        }
        assertNotNull(service.onBind(new Intent()));
    }

    @Test
    public void theManifestGivesItAProcessOfItsOwnAndNobodyElseTheKey() throws PackageManager.NameNotFoundException {
        PackageManager packages = app.getPackageManager();
        assertEquals("dev.exray.bench", app.getPackageName());
        ServiceInfo service = packages.getServiceInfo(new ComponentName(app, AgentService.class), 0);
        assertEquals("dev.exray.bench:agent", service.processName);
        assertFalse(service.exported);
        ActivityInfo screen = packages.getActivityInfo(new ComponentName(app, ScreenActivity.class), 0);
        assertEquals("dev.exray.bench", screen.processName);
        assertFalse(screen.exported);
        assertEquals(ActivityInfo.LAUNCH_SINGLE_TASK, screen.launchMode);
        assertNotEquals(0, screen.configChanges & ActivityInfo.CONFIG_ORIENTATION);
        assertNotEquals(0, app.getApplicationInfo().flags & ApplicationInfo.FLAG_DEBUGGABLE);
        assertEquals(0, app.getApplicationInfo().flags & ApplicationInfo.FLAG_ALLOW_BACKUP);
        if (Build.VERSION.SDK_INT >= 34) {
            assertEquals(ServiceInfo.FOREGROUND_SERVICE_TYPE_SPECIAL_USE, service.getForegroundServiceType());
        }
    }
}
