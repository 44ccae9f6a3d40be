package dev.exray.bench;

import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Matrix;
import android.media.ExifInterface;
import java.io.File;
import java.io.IOException;

/** Pictures as apps read them: BitmapFactory's decoder, Bitmap's scaler. */
final class Pictures {
    private Pictures() {}

    /** Upright as its EXIF says, in ARGB_8888, in its own size. */
    static Bitmap decode(File file) throws Refusal {
        BitmapFactory.Options options = new BitmapFactory.Options();
        options.inPreferredConfig = Bitmap.Config.ARGB_8888;
        options.inScaled = false;
        options.inPremultiplied = true;
        Bitmap decoded = BitmapFactory.decodeFile(file.getPath(), options);
        if (decoded == null) {
            throw new Refusal(Refusal.Code.DECODE_FAILED, file.getPath(), "BitmapFactory cannot decode it");
        }
        return turned(decoded, upright(file));
    }

    /** @param degrees counter-clockwise */
    static Bitmap rotate(Bitmap bitmap, int degrees) {
        Matrix matrix = new Matrix();
        matrix.postRotate(-degrees);
        return turned(bitmap, matrix);
    }

    static Bitmap resize(Bitmap bitmap, int width, int height, boolean bilinear) {
        return Bitmap.createScaledBitmap(bitmap, width, height, bilinear);
    }

    static int[] argb(Bitmap bitmap) {
        int[] pixels = new int[bitmap.getWidth() * bitmap.getHeight()];
        bitmap.getPixels(pixels, 0, bitmap.getWidth(), 0, 0, bitmap.getWidth(), bitmap.getHeight());
        return pixels;
    }

    private static Bitmap turned(Bitmap bitmap, Matrix matrix) {
        return matrix.isIdentity() ? bitmap
                : Bitmap.createBitmap(bitmap, 0, 0, bitmap.getWidth(), bitmap.getHeight(), matrix, false);
    }

    private static Matrix upright(File file) {
        Matrix matrix = new Matrix();
        int orientation;
        try {
            orientation = new ExifInterface(file.getPath())
                    .getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL);
        } catch (IOException e) {
            return matrix; // a format without EXIF
        }
        boolean mirrored = orientation == ExifInterface.ORIENTATION_FLIP_HORIZONTAL
                || orientation == ExifInterface.ORIENTATION_FLIP_VERTICAL
                || orientation == ExifInterface.ORIENTATION_TRANSPOSE
                || orientation == ExifInterface.ORIENTATION_TRANSVERSE;
        if (mirrored) {
            matrix.postScale(-1, 1);
        }
        switch (orientation) {
            case ExifInterface.ORIENTATION_ROTATE_90:
            case ExifInterface.ORIENTATION_TRANSVERSE:
                matrix.postRotate(90);
                break;
            case ExifInterface.ORIENTATION_ROTATE_180:
            case ExifInterface.ORIENTATION_FLIP_VERTICAL:
                matrix.postRotate(180);
                break;
            case ExifInterface.ORIENTATION_ROTATE_270:
            case ExifInterface.ORIENTATION_TRANSPOSE:
                matrix.postRotate(270);
                break;
            default:
                break;
        }
        return matrix;
    }
}
