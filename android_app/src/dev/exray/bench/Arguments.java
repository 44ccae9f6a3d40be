package dev.exray.bench;

import android.os.Bundle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/**
 * What {@code am instrument -e KEY VALUE} asks for. Keys without a dot are options of {@code exray-agent run}, or of
 * {@code play}; the app's own begin with {@code app.}. Whatever is not known or not of its type is refused.
 */
final class Arguments {
    static final String RUN = "run", PLAY = "play", PROBE = "probe";
    private static final String LABEL = "label.", OWN = "app.", NAME = "[a-z][a-z0-9-]*";
    private static final Set<String> OWN_KEYS = set("sensors", "sensor-ms", "monitor-ms", "screen", "sustained");
    private static final Set<String> PLAY_KEYS =
            set("model", "runtime", "frames", "out", "threads", "accelerator", "resize", "channels", "mean", "std", "rotate",
                    "deadline");
    /** What the process has instead: it ends with the app. */
    private static final Set<String> NOT_HERE = set("tether");
    /** Given by `am instrument` itself. */
    private static final Set<String> ANDROIDS = set("debug", "class");

    private final TreeMap<String, String> given = new TreeMap<String, String>();
    final String command;

    private Arguments(Bundle bundle) throws Refusal {
        for (String key : bundle.keySet()) {
            String value = bundle.getString(key);
            if (!ANDROIDS.contains(key)) {
                given.put(key, value == null ? "" : value);
            }
        }
        String told = given.remove("command");
        command = told == null ? RUN : told;
    }

    /** Takes and checks them. */
    static Arguments of(Bundle bundle) throws Refusal {
        Arguments arguments = new Arguments(bundle == null ? new Bundle() : bundle);
        arguments.check();
        return arguments;
    }

    private void check() throws Refusal {
        if (!Arrays.asList(RUN, PLAY, PROBE).contains(command)) {
            throw invalid("command", "is run, play or probe, not " + command);
        }
        for (String key : given.keySet()) {
            if (key.startsWith(OWN) ? !OWN_KEYS.contains(key.substring(OWN.length())) : !key.startsWith(LABEL)
                    && (!key.matches(NAME) || NOT_HERE.contains(key) || isPlay() && !PLAY_KEYS.contains(key))) {
                throw invalid(key, "no such argument of " + command);
            }
        }
        String[] needed = isPlay() ? new String[] {"model", "runtime", "frames", "out"} : new String[] {"runtime"};
        for (String key : command.equals(PROBE) ? new String[0] : needed) {
            if (text(key, "").isEmpty()) {
                throw invalid(key, "is needed");
            }
        }
        screen();
        sustained();
        sensorMs();
        monitorMs();
        deadlineSeconds();
        if (isPlay() && !sensors().isEmpty()) {
            throw invalid(OWN + "sensors", "are logged with a pass, not with play");
        }
        if (isPlay()) {
            threads();
            choice("accelerator", "cpu"); // all that the API's own binding of LiteRT has
            bilinear();
            bgr();
            rotation();
            three("mean", 0);
            three("std", 1);
        }
    }

    boolean isPlay() {
        return command.equals(PLAY);
    }

    /** The agent's argument vector, with another path for the runtime. */
    String[] agent(String runtime) {
        List<String> words = new ArrayList<String>();
        words.add(command);
        for (String key : given.keySet()) {
            if (key.startsWith(LABEL)) {
                words.add("--label");
                words.add(key.substring(LABEL.length()) + "=" + given.get(key));
            } else if (!key.startsWith(OWN)) {
                words.add("--" + key);
                words.add(key.equals("runtime") ? runtime : given.get(key));
            }
        }
        return words.toArray(new String[0]);
    }

    String text(String key, String otherwise) {
        String value = given.get(key);
        return value == null ? otherwise : value;
    }

    boolean screen() throws Refusal {
        return choice(OWN + "screen", "on", "off").equals("on");
    }

    boolean sustained() throws Refusal {
        return choice(OWN + "sustained", "yes", "no").equals("yes");
    }

    List<String> sensors() {
        String told = text(OWN + "sensors", "");
        return told.isEmpty() ? Collections.<String>emptyList() : Arrays.asList(told.split(","));
    }

    int sensorMs() throws Refusal {
        return (int) number(OWN + "sensor-ms", 20, 5, 60_000); // faster needs a permission of its own
    }

    int monitorMs() throws Refusal {
        return (int) number(OWN + "monitor-ms", 1000, 0, 3_600_000);
    }

    /** 0: none. */
    int deadlineSeconds() throws Refusal {
        return (int) number("deadline", 0, 0, 1_000_000);
    }

    int threads() throws Refusal {
        return (int) number("threads", 1, 1, 64);
    }

    boolean bilinear() throws Refusal {
        return choice("resize", "bilinear", "nearest").equals("bilinear");
    }

    boolean bgr() throws Refusal {
        return choice("channels", "rgb", "bgr").equals("bgr");
    }

    /** Degrees counter-clockwise. */
    int rotation() throws Refusal {
        return Integer.parseInt(choice("rotate", "0", "90", "180", "270"));
    }

    /** One number for each channel; of one, three. */
    float[] three(String key, float otherwise) throws Refusal {
        String[] words = text(key, Float.toString(otherwise)).split(",", -1);
        if (words.length != 1 && words.length != 3) {
            throw invalid(key, "is one number or three, not " + text(key, ""));
        }
        float[] values = new float[3];
        for (int i = 0; i < 3; i++) {
            try {
                values[i] = Float.parseFloat(words[words.length == 1 ? 0 : i]);
            } catch (NumberFormatException e) {
                throw invalid(key, "is a number, not " + words[words.length == 1 ? 0 : i]);
            }
            if (Float.isNaN(values[i]) || Float.isInfinite(values[i]) || key.equals("std") && values[i] == 0) {
                throw invalid(key, "cannot be " + values[i]);
            }
        }
        return values;
    }

    private String choice(String key, String... choices) throws Refusal {
        String value = text(key, choices[0]);
        if (!Arrays.asList(choices).contains(value)) {
            throw invalid(key, "is one of " + Arrays.toString(choices) + ", not " + value);
        }
        return value;
    }

    private long number(String key, long otherwise, long least, long most) throws Refusal {
        String value = text(key, Long.toString(otherwise));
        try {
            long number = Long.parseLong(value);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw invalid(key, "is a number from " + least + " to " + most + ", not " + value);
    }

    private static Refusal invalid(String key, String message) {
        return new Refusal(Refusal.Code.ARGUMENT_INVALID, key, message);
    }

    private static Set<String> set(String... words) {
        return new HashSet<String>(Arrays.asList(words));
    }
}
