package dev.exray.bench;

import android.graphics.Bitmap;
import dev.exray.Capture;
import dev.exray.DType;
import dev.exray.Frame;
import dev.exray.Options;
import dev.exray.litert.LiteRtException;
import dev.exray.litert.Model;
import dev.exray.litert.Port;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Plays pictures as real apps do: decoded and resized by Android. The picture as it was decoded, what the model was fed,
 * and what it answered are logged through the exray API.
 */
final class Play {
    private static final String LIST = "frames.tsv";

    private final File folder;
    private final String out, model, runtime;
    private final int threads, rotation;
    private final boolean bilinear, bgr;
    private final float[] mean, std;
    private final PrintStream words;

    Play(Arguments asked, PrintStream words) throws Refusal {
        folder = new File(asked.text("frames", ""));
        out = asked.text("out", "");
        model = asked.text("model", "");
        runtime = asked.text("runtime", "");
        threads = asked.threads();
        rotation = asked.rotation();
        bilinear = asked.bilinear();
        bgr = asked.bgr();
        mean = asked.three("mean", 0);
        std = asked.three("std", 1);
        this.words = words;
    }

    /** 0. */
    int run() throws Refusal {
        List<String> names = names();
        Options options = new Options().app("dev.exray.bench").model(model).label("decoder", "BitmapFactory")
                .label("resize", bilinear ? "Bitmap, bilinear" : "Bitmap, nearest").ring(16 << 20);
        try (Model loaded = new Model(model, runtime, threads); Capture log = Capture.open(out, options)) {
            for (int i = 0; i < names.size(); i++) {
                play(names.get(i), loaded, log);
                words.println("{\"progress\":{\"pass\":\"play\",\"done\":" + (i + 1) + ",\"of\":" + names.size() + "}}");
            }
        } catch (LiteRtException e) {
            throw new Refusal(Refusal.Code.FILE_UNREADABLE, model, String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw new Refusal(Refusal.Code.FILE_UNREADABLE, out, String.valueOf(e.getMessage()));
        }
        return 0;
    }

    private void play(String name, Model loaded, Capture log) throws Refusal {
        Port input = loaded.input(0);
        int[] shape = input.shape();
        if (shape.length != 4 || shape[0] != 1 || shape[3] != 3) {
            throw new Refusal(Refusal.Code.ARGUMENT_INVALID, model, "its first input is not one picture of three channels");
        }
        try (Frame frame = log.frame(name)) {
            Bitmap raw = Pictures.decode(new File(folder, name));
            frame.image("frame", Pictures.argb(raw), raw.getWidth(), raw.getHeight());
            Bitmap fed = Pictures.resize(Pictures.rotate(raw, rotation), shape[2], shape[1], bilinear);
            loaded.setInput(0, bytes(Pictures.argb(fed), input));
            frame.run(loaded);
        }
    }

    /** The model's input of a picture, in the input's own type. */
    ByteBuffer bytes(int[] argb, Port input) throws Refusal {
        DType type = input.type();
        ByteBuffer values = ByteBuffer.allocateDirect(argb.length * 3 * type.width()).order(ByteOrder.nativeOrder());
        for (int pixel : argb) {
            for (int channel = 0; channel < 3; channel++) {
                int byteOf = pixel >> (bgr ? 8 * channel : 16 - 8 * channel) & 0xFF;
                float value = (byteOf - mean[channel]) / std[channel];
                switch (type) {
                    case FLOAT32:
                        values.putFloat(value);
                        break;
                    case UINT8:
                        values.put((byte) quantized(value, input, 0, 255));
                        break;
                    case INT8:
                        values.put((byte) quantized(value, input, -128, 127));
                        break;
                    default:
                        throw new Refusal(Refusal.Code.ARGUMENT_INVALID, model, "an input of " + type + " is no picture");
                }
            }
        }
        values.flip();
        return values;
    }

    private static int quantized(float value, Port input, int least, int most) {
        float real = input.scale() == 0 ? value : value / input.scale() + input.zeroPoint();
        return Math.max(least, Math.min(most, (int) Math.rint(real)));
    }

    private List<String> names() throws Refusal {
        List<String> names = new ArrayList<String>();
        File list = new File(folder, LIST);
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(new FileInputStream(list), StandardCharsets.UTF_8))) {
            lines.readLine(); // the column's name
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isEmpty()) {
                    names.add(line);
                }
            }
        } catch (IOException e) {
            throw new Refusal(Refusal.Code.FILE_UNREADABLE, list.getPath(), String.valueOf(e.getMessage()));
        }
        return names;
    }
}
