package dev.exray.bench;

import org.json.JSONException;
import org.json.JSONObject;

/** How a command ended: the agent's exit status, and its error line where there is one. */
final class Outcome {
    final int status;
    /** Empty: none. */
    final String error;

    private Outcome(int status, String error) {
        this.status = status;
        this.error = error;
    }

    static Outcome refused(Refusal why) {
        return new Outcome(why.status(), why.line());
    }

    /**
     * Of what the agent's process left.
     *
     * @param status what its main returned; null: the process ended in the middle
     * @param lastError the last line on stderr
     * @param death what Android knows of the process's end, for people
     */
    static Outcome of(Integer status, String lastError, String death) {
        String kind = kindOf(lastError);
        if (status != null) {
            return new Outcome(status, status == 0 || kind == null ? "" : lastError);
        }
        if (kind != null) {
            return new Outcome(Refusal.statusOf(kind), lastError);
        }
        String said = lastError.isEmpty() ? "" : "; it said: " + lastError;
        return refused(new Refusal(Refusal.Code.AGENT_DIED, "", "the agent's process ended" + death + said));
    }

    /** null: no line of an error. */
    private static String kindOf(String line) {
        try {
            JSONObject told = new JSONObject(line).getJSONObject("error");
            return told.has("code") ? told.optString("kind", "bug") : null;
        } catch (JSONException e) {
            return null;
        }
    }
}
