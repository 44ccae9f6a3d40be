package dev.exray;

import java.nio.charset.StandardCharsets;

/** Texts as C has them: UTF-8 with a zero at the end. What UTF-8 has no word for becomes a question mark. */
final class Text {
    /** Bytes of an element's name, and of a frame's, that a capture keeps. */
    static final int NAME = 255, FRAME_NAME = 127;

    private Text() {}

    /** Null stays null. A zero inside would end it: it becomes U+FFFD. */
    static byte[] of(String text) {
        if (text == null) {
            return null;
        }
        byte[] plain = (text.indexOf('\0') < 0 ? text : text.replace('\0', '\uFFFD')).getBytes(StandardCharsets.UTF_8);
        byte[] ended = new byte[plain.length + 1];
        System.arraycopy(plain, 0, ended, 0, plain.length);
        return ended;
    }

    /** No longer than {@code limit} bytes, cut between characters. Null stays null. */
    static byte[] name(String name, int limit) {
        byte[] whole = of(name);
        if (whole == null || whole.length <= limit + 1) {
            return whole;
        }
        int end = limit;
        while ((whole[end] & 0xC0) == 0x80) {
            end--;
        }
        byte[] cut = new byte[end + 1];
        System.arraycopy(whole, 0, cut, 0, end);
        return cut;
    }

    static String from(byte[] utf8) {
        return utf8 == null ? "" : new String(utf8, StandardCharsets.UTF_8);
    }
}
