package dev.exray.bench;

import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.BatteryManager;

/** What Android tells of the battery now; MIN_VALUE: nothing. Makers disagree about unit and sign of the current. */
final class Battery {
    final long currentUa, chargeUah, voltageMv;
    final int levelPercent, deciCelsius, status;

    private Battery(BatteryManager manager, Intent sticky) {
        currentUa = known(manager.getLongProperty(BatteryManager.BATTERY_PROPERTY_CURRENT_NOW));
        chargeUah = known(manager.getLongProperty(BatteryManager.BATTERY_PROPERTY_CHARGE_COUNTER));
        int voltage = of(sticky, BatteryManager.EXTRA_VOLTAGE);
        voltageMv = voltage == Integer.MIN_VALUE ? Long.MIN_VALUE : voltage;
        int level = of(sticky, BatteryManager.EXTRA_LEVEL), scale = of(sticky, BatteryManager.EXTRA_SCALE);
        levelPercent = level < 0 || scale <= 0 ? Integer.MIN_VALUE : 100 * level / scale;
        deciCelsius = of(sticky, BatteryManager.EXTRA_TEMPERATURE);
        status = of(sticky, BatteryManager.EXTRA_STATUS);
    }

    static Battery read(Context context) {
        Intent sticky = context.registerReceiver(null, new IntentFilter(Intent.ACTION_BATTERY_CHANGED));
        return new Battery((BatteryManager) context.getSystemService(Context.BATTERY_SERVICE), sticky);
    }

    private static int of(Intent sticky, String name) {
        return sticky == null ? Integer.MIN_VALUE : sticky.getIntExtra(name, Integer.MIN_VALUE);
    }

    /** What is not supported reads as Long.MIN_VALUE; of int properties behind it, as Integer.MIN_VALUE. */
    private static long known(long value) {
        return value == Integer.MIN_VALUE ? Long.MIN_VALUE : value;
    }
}
