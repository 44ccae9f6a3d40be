import dev.exray.Capture;
import dev.exray.Frame;
import dev.exray.Options;
import dev.exray.litert.Model;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.FilenameFilter;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageIO;

/**
 * A classifier over the pictures of a folder: what each shows, a line per picture. All it does is logged, for
 * {@code farm diagnose} to look at.
 *
 * <pre>java -cp exray.jar:. Classifier MODEL libLiteRt.so PICTURES CAPTURE [--bug bgr]</pre>
 *
 * With {@code --bug bgr} it takes red for blue, as an app does that reads Bitmap's ints for bytes in the order RGB.
 */
final class Classifier {
    private static final double KEPT = 0.875;

    private Classifier() {}

    public static void main(String[] arguments) throws IOException {
        boolean bgr = arguments.length == 6 && arguments[4].equals("--bug") && arguments[5].equals("bgr");
        if (arguments.length != 4 && !bgr) {
            System.err.println("usage: Classifier MODEL libLiteRt.so PICTURES CAPTURE [--bug bgr]");
            System.exit(2);
        }
        String model = arguments[0];
        try (Capture log = Capture.open(arguments[3], new Options().app("classifier").model(model).ring(4 << 20));
                Model loaded = new Model(model, arguments[1], 1)) {
            for (File file : pictures(new File(arguments[2]))) {
                System.out.println(file.getName() + "\t" + classify(file, loaded, log, bgr));
            }
        }
    }

    private static int classify(File file, Model model, Capture log, boolean bgr) throws IOException {
        try (Frame frame = log.frame(file.getName())) {
            BufferedImage picture = ImageIO.read(file);
            int width = picture.getWidth(), height = picture.getHeight();
            int[] argb = picture.getRGB(0, 0, width, height, null, 0, width);
            frame.image("frame", argb, width, height);
            int[] shape = model.input(0).shape();
            model.setInput(0, prepared(argb, width, height, shape[2], shape[1], bgr));
            frame.run(model);
            return largest(model.getFloats(0));
        }
    }

    /** The middle of the picture in the model's size, RGB from -1 to 1. */
    private static float[] prepared(int[] argb, int width, int height, int toWidth, int toHeight, boolean bgr) {
        int keptWidth = (int) (width * KEPT + 0.5), keptHeight = (int) (height * KEPT + 0.5);
        int left = (width - keptWidth) / 2, top = (height - keptHeight) / 2;
        float[] fed = new float[toWidth * toHeight * 3];
        for (int channel = 0; channel < 3; channel++) {
            int shift = bgr ? 8 * channel : 16 - 8 * channel;
            int[] part = new int[keptWidth * keptHeight];
            for (int y = 0; y < keptHeight; y++) {
                for (int x = 0; x < keptWidth; x++) {
                    part[y * keptWidth + x] = argb[(top + y) * width + left + x] >> shift & 0xFF;
                }
            }
            int[] rows = resized(part, keptWidth, keptHeight, toWidth);
            int[] small = resized(rows, keptHeight, toWidth, toHeight);
            for (int i = 0; i < small.length; i++) {
                fed[3 * i + channel] = small[i] / 127.5f - 1;
            }
        }
        return fed;
    }

    /**
     * Rows of {@code from} values made rows of {@code to}, bilinear with antialiasing as of Pillow; the result is
     * transposed, so that a second time does the columns.
     */
    private static int[] resized(int[] values, int from, int rows, int to) {
        double scale = (double) from / to, support = Math.max(scale, 1);
        int[] result = new int[to * rows];
        for (int i = 0; i < to; i++) {
            double center = (i + 0.5) * scale;
            int first = (int) Math.max(center - support + 0.5, 0), end = (int) Math.min(center + support + 0.5, from);
            double[] weights = new double[end - first];
            double sum = 0;
            for (int k = 0; k < weights.length; k++) {
                weights[k] = Math.max(0, 1 - Math.abs((first + k + 0.5 - center) / support));
                sum += weights[k];
            }
            for (int row = 0; row < rows; row++) {
                double value = 0;
                for (int k = 0; k < weights.length; k++) {
                    value += weights[k] * values[row * from + first + k];
                }
                result[i * rows + row] = (int) (value / sum + 0.5);
            }
        }
        return result;
    }

    private static int largest(float[] scores) {
        int best = 0;
        for (int i = 1; i < scores.length; i++) {
            best = scores[i] > scores[best] ? i : best;
        }
        return best;
    }

    private static File[] pictures(File folder) throws IOException {
        File[] files = folder.listFiles(new FilenameFilter() {
            @Override
            public boolean accept(File in, String name) {
                return name.endsWith(".png");
            }
        });
        if (files == null) {
            throw new IOException(folder + " is no folder");
        }
        Arrays.sort(files);
        return files;
    }
}
