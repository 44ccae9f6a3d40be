import dev.exray.Capture;
import dev.exray.DType;
import dev.exray.Frame;
import dev.exray.Inference;
import dev.exray.Options;
import dev.exray.PixelFormat;
import dev.exray.Sampling;
import dev.exray.Span;
import dev.exray.Tensor;
import dev.exray.Totals;
import dev.exray.litert.Model;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** The API by remote control: a line a call, its arguments in base64, and a line for its answer. */
final class Driver {
    private Capture log = Capture.none();
    private final Map<String, Frame> frames = new HashMap<>();
    private final Map<String, AutoCloseable> open = new HashMap<>();
    private Model model;

    public static void main(String[] none) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        Driver driver = new Driver();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            List<byte[]> words = new ArrayList<>();
            for (String word : line.split(" ")) {
                words.add(Base64.getDecoder().decode(word.substring(1)));
            }
            String kind = "", answer;
            try {
                answer = driver.call(new Words(words));
            } catch (Exception error) {
                kind = error.getClass().getName();
                answer = String.valueOf(error.getMessage());
            }
            String code = Base64.getEncoder().encodeToString(answer.getBytes(StandardCharsets.UTF_8));
            // On a line of its own, whatever the virtual machine or LiteRT left there.
            System.out.println("\n=" + kind + " " + code);
            System.out.flush();
        }
    }

    /** Arguments, one after the other. */
    private static final class Words {
        private final Iterator<byte[]> left;

        Words(List<byte[]> words) {
            left = words.iterator();
        }

        boolean more() {
            return left.hasNext();
        }

        byte[] data() {
            return left.next();
        }

        String text() {
            return new String(data(), StandardCharsets.UTF_8);
        }

        int number() {
            return Integer.parseInt(text());
        }

        double real() {
            return Double.parseDouble(text());
        }
    }

    private String call(Words words) throws Exception {
        String what = words.text();
        switch (what) {
            case "open" -> log = Capture.open(words.text(), options(words));
            case "none" -> log = Capture.none();
            case "close" -> log.close();
            case "flush" -> log.flush();
            case "count" -> {
                return totals(log.count());
            }
            case "sensor" -> sensor(words);
            case "frame" -> {
                String key = words.text();
                frames.put(key, words.more() ? log.frame(words.text()) : log.frame());
            }
            case "model" -> model = new Model(words.text(), words.text(), words.number());
            case "set" -> set(words);
            case "run" -> model.run();
            case "get" -> {
                return Base64.getEncoder().encodeToString(rest(model.getOutput(words.number())));
            }
            case "close model" -> model.close();
            default -> {
                return frame(what, frames.get(words.text()), words);
            }
        }
        return "";
    }

    private String frame(String what, Frame frame, Words words) throws Exception {
        switch (what) {
            case "stop" -> frame.close();
            case "inference" -> open.put("inference", frame.inference());
            case "inference of model" -> open.put("inference", frame.inference(model));
            case "call" -> {
                return frame.run(() -> called(words.text()));
            }
            case "span" -> open.put("span", frame.span(words.text()));
            case "over" -> open.get(words.text()).close();
            case "input" -> frame.input(words.number(), tensor(words));
            case "output" -> frame.output(words.number(), tensor(words));
            case "layer" -> frame.layer(tensor(words));
            case "tensor" -> frame.tensor(words.text(), tensor(words));
            case "scalar" -> frame.scalar(words.text(), words.real());
            case "text" -> frame.text(words.text(), words.text());
            case "bytes" -> bytes(frame, words);
            case "check" -> frame.check(words.text().equals("true"), words.text());
            case "image" -> image(frame, words);
            case "argb" -> argb(frame, words);
            case "run model" -> frame.run(model);
            default -> throw new IOException(what);
        }
        return "";
    }

    private static String called(String text) throws IOException {
        if (text.equals("fail")) {
            throw new IOException("failed");
        }
        return text;
    }

    private static Options options(Words words) {
        Options options = new Options();
        while (words.more()) {
            switch (words.text()) {
                case "app" -> options.app(words.text());
                case "model" -> options.model(words.text());
                case "label" -> options.label(words.text(), words.text());
                case "sampling" -> options.sampling(Sampling.valueOf(words.text()), words.number());
                case "budget" -> options.byteBudget(words.number());
                case "ring" -> options.ring(words.number());
                case "memory" -> options.memory(words.text().equals("true"));
                case "signals" -> options.signals(words.text().equals("true"));
                default -> throw new IllegalArgumentException("driver: no such option");
            }
        }
        return options;
    }

    private static String totals(Totals totals) {
        return totals.frames() + " " + totals.bytes() + " " + totals.dropped() + " " + totals.droppedBytes() + " "
                + totals.overBudget() + " " + totals.error();
    }

    private void sensor(Words words) {
        String name = words.text();
        boolean wide = words.text().equals("double");
        ByteBuffer data = ByteBuffer.wrap(words.data()).order(ByteOrder.nativeOrder());
        if (wide) {
            double[] values = new double[data.remaining() / 8];
            data.asDoubleBuffer().get(values);
            log.sensor(name, values);
        } else {
            float[] values = new float[data.remaining() / 4];
            data.asFloatBuffer().get(values);
            log.sensor(name, values);
        }
    }

    /** HOLDER TYPE SHAPE DATA NAME SCALE ZERO_POINT INDEX. */
    private static Tensor tensor(Words words) {
        String holder = words.text();
        DType type = DType.valueOf(words.text());
        String[] sides = words.text().split(",");
        int[] shape = new int[sides[0].isEmpty() ? 0 : sides.length];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = Integer.parseInt(sides[i]);
        }
        byte[] data = words.data();
        Tensor tensor = switch (holder) {
            case "array" -> array(type, ByteBuffer.wrap(data).order(ByteOrder.nativeOrder()), shape);
            case "typed", "foreign", "heap typed" -> typed(type, data, shape, holder);
            default -> Tensor.of(type, holding(holder, data), shape);
        };
        return tensor.named(words.text()).quantized((float) words.real(), words.number()).index(words.number());
    }

    private static Tensor array(DType type, ByteBuffer data, int[] shape) {
        int n = data.remaining() / type.width();
        switch (type) {
            case FLOAT32:
                float[] floats = new float[n];
                data.asFloatBuffer().get(floats);
                return Tensor.of(floats, shape);
            case FLOAT64:
                double[] doubles = new double[n];
                data.asDoubleBuffer().get(doubles);
                return Tensor.of(doubles, shape);
            case BOOL:
                boolean[] booleans = new boolean[n];
                for (int i = 0; i < n; i++) {
                    booleans[i] = data.get(i) != 0;
                }
                return Tensor.of(booleans, shape);
            default:
                return integers(type, data, n, shape).as(type);
        }
    }

    private static Tensor integers(DType type, ByteBuffer data, int n, int[] shape) {
        switch (type.width()) {
            case 1:
                return Tensor.of(data.array(), shape);
            case 2:
                short[] shorts = new short[n];
                data.asShortBuffer().get(shorts);
                return Tensor.of(shorts, shape);
            case 4:
                int[] ints = new int[n];
                data.asIntBuffer().get(ints);
                return Tensor.of(ints, shape);
            default:
                long[] longs = new long[n];
                data.asLongBuffer().get(longs);
                return Tensor.of(longs, shape);
        }
    }

    /** In a view of a buffer: direct, in the other byte order, or of an array. */
    private static Tensor typed(DType type, byte[] data, int[] shape, String holder) {
        ByteBuffer values = ByteBuffer.wrap(data).order(ByteOrder.nativeOrder());
        ByteBuffer room = holder.equals("heap typed") ? ByteBuffer.allocate(data.length + 16)
                : ByteBuffer.allocateDirect(data.length + 16);
        room.order(holder.equals("foreign") ? ByteOrder.BIG_ENDIAN : ByteOrder.nativeOrder()).position(8);
        switch (type) {
            case FLOAT32:
                FloatBuffer floats = room.asFloatBuffer().put(values.asFloatBuffer());
                floats.flip();
                return Tensor.of(floats, shape);
            case FLOAT64:
                DoubleBuffer doubles = room.asDoubleBuffer().put(values.asDoubleBuffer());
                doubles.flip();
                return Tensor.of(doubles, shape);
            case INT16:
                ShortBuffer shorts = room.asShortBuffer().put(values.asShortBuffer());
                shorts.flip();
                return Tensor.of(shorts, shape);
            case INT32:
                IntBuffer ints = room.asIntBuffer().put(values.asIntBuffer());
                ints.flip();
                return Tensor.of(ints, shape);
            default:
                LongBuffer longs = room.asLongBuffer().put(values.asLongBuffer());
                longs.flip();
                return Tensor.of(longs, shape);
        }
    }

    /** The bytes in the middle of a buffer. */
    private static ByteBuffer holding(String holder, byte[] data) {
        ByteBuffer room = holder.equals("direct") ? ByteBuffer.allocateDirect(data.length + 9)
                : ByteBuffer.allocate(data.length + 9);
        room.position(5);
        room.put(data);
        room.limit(room.position());
        room.position(5);
        return holder.equals("read-only") ? room.asReadOnlyBuffer() : room;
    }

    private static void bytes(Frame frame, Words words) {
        String name = words.text(), holder = words.text();
        if (holder.equals("array")) {
            frame.bytes(name, words.data());
        } else {
            frame.bytes(name, holding(holder, words.data()));
        }
    }

    /** NAME HOLDER FORMAT WIDTH HEIGHT STRIDE DATA. */
    private static void image(Frame frame, Words words) {
        String name = words.text(), holder = words.text();
        PixelFormat format = PixelFormat.valueOf(words.text());
        int width = words.number(), height = words.number(), stride = words.number();
        if (holder.equals("array")) {
            frame.image(name, words.data(), width, height, format, stride);
        } else {
            frame.image(name, holding(holder, words.data()), width, height, format, stride);
        }
    }

    private static void argb(Frame frame, Words words) {
        String name = words.text();
        int width = words.number(), height = words.number();
        int[] pixels = new int[words.number()];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = 0xFF000000 | i * 0x010203;
        }
        frame.image(name, pixels, width, height);
    }

    private void set(Words words) {
        int position = words.number();
        String holder = words.text();
        ByteBuffer data = ByteBuffer.wrap(words.data()).order(ByteOrder.nativeOrder());
        switch (holder) {
            case "float[]":
                float[] floats = new float[data.remaining() / 4];
                data.asFloatBuffer().get(floats);
                model.setInput(position, floats);
                return;
            case "int[]":
                int[] ints = new int[data.remaining() / 4];
                data.asIntBuffer().get(ints);
                model.setInput(position, ints);
                return;
            case "long[]":
                long[] longs = new long[data.remaining() / 8];
                data.asLongBuffer().get(longs);
                model.setInput(position, longs);
                return;
            case "byte[]":
                model.setInput(position, data.array());
                return;
            default:
                model.setInput(position, holding(holder, data.array()));
        }
    }

    private static byte[] rest(ByteBuffer buffer) {
        byte[] data = new byte[buffer.remaining()];
        buffer.get(data);
        return data;
    }
}
