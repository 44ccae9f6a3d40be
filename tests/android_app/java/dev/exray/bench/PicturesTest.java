package dev.exray.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.fail;

import android.graphics.Bitmap;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileOutputStream;
import java.io.FileReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;

/** Pictures as Android reads them, written down for who compares them. */
@RunWith(RobolectricTestRunner.class)
public final class PicturesTest {
    private final File folder = new File(System.getProperty("bench.pictures"));

    /** jobs.tsv: file, file to write, degrees, width and height (0: as they are), bilinear or nearest. */
    @Test
    public void theyAreReadTurnedAndResized() throws Exception {
        try (BufferedReader jobs = new BufferedReader(new FileReader(new File(folder, "jobs.tsv")))) {
            for (String line = jobs.readLine(); line != null; line = jobs.readLine()) {
                String[] words = line.split("\t");
                Bitmap bitmap = Pictures.rotate(Pictures.decode(new File(folder, words[0])),
                        Integer.parseInt(words[2]));
                int width = Integer.parseInt(words[3]), height = Integer.parseInt(words[4]);
                if (width > 0) {
                    bitmap = Pictures.resize(bitmap, width, height, words[5].equals("bilinear"));
                }
                write(bitmap, new File(folder, words[1]));
            }
        }
    }

    private static void write(Bitmap bitmap, File file) throws IOException {
        int[] pixels = Pictures.argb(bitmap);
        ByteBuffer bytes = ByteBuffer.allocate(8 + 4 * pixels.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(bitmap.getWidth()).putInt(bitmap.getHeight());
        for (int pixel : pixels) {
            bytes.putInt(pixel);
        }
        try (FileOutputStream out = new FileOutputStream(file)) {
            out.write(bytes.array());
        }
    }

    @Test
    public void whatIsNoPictureIsRefused() {
        for (String name : new String[] {"broken.png", "none.png", "jobs.tsv"}) {
            try {
                Pictures.decode(new File(folder, name));
                fail("decoded: " + name);
            } catch (Refusal e) {
                assertEquals(Refusal.Code.DECODE_FAILED, e.code);
                assertEquals(new File(folder, name).getPath(), e.where);
            }
        }
    }
}
