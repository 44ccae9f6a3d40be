package dev.exray.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Where a phone has the service's process, a virtual machine of its own: the same native code behind the same class. */
final class JvmHost implements Host {
    private static final String PROGRAM = "dev.exray.agent.Main";

    Work work;

    @Override
    public Outcome run(Work given, int seconds, Listener listener) throws Refusal, InterruptedException {
        work = given;
        List<String> command = new ArrayList<String>(Arrays.asList("java", "-cp", System.getProperty("bench.classes"),
                "-Djava.library.path=" + System.getProperty("java.library.path"), PROGRAM));
        command.addAll(Arrays.asList(given.agent));
        try {
            Process process = new ProcessBuilder(command).start();
            LineReader out = new LineReader(process.getInputStream(), listener);
            LineReader err = new LineReader(process.getErrorStream(), null);
            int status = process.waitFor();
            out.end();
            err.end();
            return Outcome.of(status, err.last(), "");
        } catch (IOException e) {
            throw new Refusal(Refusal.Code.CONTEXT_REFUSED, "", e.getMessage());
        }
    }
}
