package dev.exray.bench;

import android.content.Context;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** The app's folders. */
final class Home {
    private static final int PART = 1 << 16;

    private final Context context;

    Home(Context context) {
        this.context = context;
    }

    /**
     * A runtime that can be loaded: where it is in the app's own folder, itself; from external storage, from where nothing
     * is executed, a copy under its hash, with the libraries that lie beside it.
     */
    File runtime(String path) throws Refusal {
        File library = new File(path);
        try {
            if (!library.isFile()) {
                throw new Refusal(Refusal.Code.FILE_UNREADABLE, path, "there is no such runtime");
            }
            String own = context.getDataDir().getCanonicalPath() + "/";
            if (library.getCanonicalPath().startsWith(own)) {
                return library;
            }
            File folder = new File(context.getCodeCacheDir(), "runtime-" + sha256(library));
            clear(folder);
            copyInto(library, folder);
            File[] beside = library.getParentFile().listFiles();
            for (File file : beside == null ? new File[0] : beside) {
                if (file.isFile() && file.getName().endsWith(".so") && !file.getName().equals(library.getName())) {
                    copyInto(file, folder);
                }
            }
            return new File(folder, library.getName());
        } catch (IOException e) {
            throw new Refusal(Refusal.Code.FILE_UNREADABLE, path, "the runtime cannot be taken along: " + e.getMessage());
        }
    }

    /** Copies of other runtimes go: storage is the phone's. A copy of the same one may be of a broken attempt. */
    private void clear(File keep) throws IOException {
        File[] copies = context.getCodeCacheDir().listFiles();
        for (File copy : copies == null ? new File[0] : copies) {
            if (copy.getName().startsWith("runtime-")) {
                File[] files = copy.listFiles();
                for (File file : files == null ? new File[0] : files) {
                    if (!file.delete()) {
                        throw new IOException(file + " cannot be removed");
                    }
                }
            }
        }
        if (!keep.isDirectory() && !keep.mkdirs()) {
            throw new IOException(keep + " cannot be made");
        }
    }

    private static void copyInto(File from, File folder) throws IOException {
        File target = new File(folder, from.getName());
        try (InputStream in = new FileInputStream(from); OutputStream out = new FileOutputStream(target)) {
            byte[] part = new byte[PART];
            for (int got = in.read(part); got >= 0; got = in.read(part)) {
                out.write(part, 0, got);
            }
        }
        if (!sha256(target).equals(sha256(from))) {
            throw new IOException(from + " was copied with other bytes");
        }
        if (!target.setReadOnly()) {
            throw new IOException(target + " cannot be made read-only");
        }
    }

    static String sha256(File file) throws IOException {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible); // every Android has it
        }
        try (InputStream in = new FileInputStream(file)) {
            byte[] part = new byte[PART];
            for (int got = in.read(part); got >= 0; got = in.read(part)) {
                digest.update(part, 0, got);
            }
        }
        StringBuilder text = new StringBuilder();
        for (byte b : digest.digest()) {
            text.append(Character.forDigit(b >> 4 & 15, 16)).append(Character.forDigit(b & 15, 16));
        }
        return text.toString();
    }
}
