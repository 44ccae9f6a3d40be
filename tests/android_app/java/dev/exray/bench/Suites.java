package dev.exray.bench;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/** Runs classes of tests; how each test ended goes into the file bench.answers, a line of JSON each. */
public final class Suites extends RunListener {
    private final Map<String, String> failures = new HashMap<String, String>();
    private final String suite;
    private final Writer answers;

    private Suites(String suite, Writer answers) {
        this.suite = suite;
        this.answers = answers;
    }

    @Override
    public void testFailure(Failure failure) throws IOException {
        failures.put(failure.getDescription().getDisplayName(), failure.getTrace());
        if (!failure.getDescription().isTest()) { // of the class
            tell(failure.getDescription(), failure.getTrace());
        }
    }

    @Override
    public void testFinished(Description test) throws IOException {
        String failure = failures.get(test.getDisplayName());
        tell(test, failure == null ? "" : failure);
    }

    private void tell(Description test, String failure) throws IOException {
        answers.write("{\"suite\":" + quoted(suite) + ",\"name\":" + quoted(String.valueOf(test.getMethodName()))
                + ",\"failure\":" + quoted(failure) + "}\n");
        answers.flush();
    }

    private static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            out.append(c < ' ' || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        }
        return out.append('"').toString();
    }

    public static void main(String[] suites) throws Exception {
        try (Writer answers = new OutputStreamWriter(
                new FileOutputStream(System.getProperty("bench.answers")), StandardCharsets.UTF_8)) {
            for (String suite : suites) {
                JUnitCore core = new JUnitCore();
                core.addListener(new Suites(suite, answers));
                core.run(Class.forName("dev.exray.bench." + suite));
            }
        }
        System.exit(0); // Robolectric's threads go on
    }
}
