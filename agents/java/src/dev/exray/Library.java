package dev.exray;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.security.CodeSource;
import java.security.ProtectionDomain;

/** The native library, loaded once. */
public final class Library {
    private static final String NAME = "exray_jni", FILE = "lib" + NAME + ".so";
    private static boolean loaded;

    private Library() {}

    /**
     * Loads the library: from the path in the property {@code exray.library} or the environment's
     * {@code EXRAY_LIBRARY}, else beside the jar, else from where it is built, else from where the system looks.
     *
     * @throws IOException it is nowhere, or not for this machine
     */
    public static synchronized void load() throws IOException {
        if (loaded) {
            return;
        }
        String path = path();
        try {
            if (path != null) {
                System.load(path);
            } else {
                System.loadLibrary(NAME);
            }
        } catch (UnsatisfiedLinkError error) {
            throw new IOException("the native library cannot be loaded: " + error.getMessage()
                    + "; build it (make -C agents/native jni) and name it with -Dexray.library=PATH", error);
        }
        loaded = true;
    }

    private static String path() {
        String told = System.getProperty("exray.library", System.getenv("EXRAY_LIBRARY"));
        if (told != null) {
            return new File(told).getAbsolutePath();
        }
        File folder = folder();
        if (folder == null) {
            return null;
        }
        String machine = System.getProperty("os.arch").replace("amd64", "x86_64");
        File[] places = {
            new File(folder, FILE), new File(folder, "../../native/build/linux-" + machine + "/" + FILE),
        };
        for (File place : places) {
            if (place.isFile()) {
                return place.getAbsolutePath();
            }
        }
        return null;
    }

    /** Where the jar is; null on Android, where classes come from elsewhere. */
    private static File folder() {
        try {
            ProtectionDomain domain = Library.class.getProtectionDomain();
            CodeSource source = domain == null ? null : domain.getCodeSource();
            boolean told = source != null && source.getLocation() != null;
            return told ? new File(source.getLocation().toURI()).getParentFile() : null;
        } catch (URISyntaxException | IllegalArgumentException | SecurityException unknown) {
            return null;
        }
    }
}
