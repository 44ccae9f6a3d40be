package dev.exray.bench;

import org.json.JSONException;
import org.json.JSONObject;

/** Why a command was not carried out, as the agent says it: a code, what happened, whose fault, where. */
final class Refusal extends Exception {
    private static final long serialVersionUID = 1;

    /** Codes beside the agent's own (agents/native/src/error.h). */
    enum Code {
        ARGUMENT_INVALID("argument-invalid", "job", "see docs/android.md for the arguments"),
        FILE_UNREADABLE("file-unreadable", "job", "is the file in the app's own folder?"),
        DECODE_FAILED("decode-failed", "job", "Android's BitmapFactory takes PNG, JPEG, WebP, GIF, BMP"),
        CONTEXT_REFUSED("context-refused", "infrastructure", "wake the phone, and take away its screen lock"),
        DEADLINE_EXCEEDED("deadline-exceeded", "infrastructure", "give it more time, or fewer frames"),
        APP_FAILED("app-failed", "bug", "report it, with the line and the phone's log"),
        AGENT_DIED("agent-died", "job", "the runtime may not survive this model here; try kernel=builtin");

        final String text, kind, remedy;

        Code(String text, String kind, String remedy) {
            this.text = text;
            this.kind = kind;
            this.remedy = remedy;
        }
    }

    final Code code;
    final String where;

    Refusal(Code code, String where, String message) {
        super(message);
        this.code = code;
        this.where = where;
    }

    /** The exit status that the agent's errors of this kind have. */
    int status() {
        return statusOf(code.kind);
    }

    /** One line, as exray-agent's last on stderr. */
    String line() {
        try {
            JSONObject told = new JSONObject().put("code", code.text).put("message", getMessage())
                    .put("kind", code.kind).put("where", where).put("remedy", code.remedy);
            return new JSONObject().put("error", told).toString();
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible); // of texts alone
        }
    }

    static int statusOf(String kind) {
        return kind.equals("job") ? 2 : kind.equals("infrastructure") ? 3 : 5;
    }
}
