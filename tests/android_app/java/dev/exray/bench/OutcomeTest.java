package dev.exray.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import org.json.JSONException;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;

/** How a command ended, of what its process left. */
@RunWith(RobolectricTestRunner.class)
public final class OutcomeTest {
    private static final String JOB = error("job"), OURS = error("infrastructure"), BUG = error("bug");

    private static String error(String kind) {
        return "{\"error\":{\"code\":\"c\",\"message\":\"m\",\"kind\":\"" + kind + "\",\"where\":\"w\"}}";
    }

    @Test
    public void aStatusIsKeptWithItsLineOfAnError() {
        is(0, "", Outcome.of(0, "", ""));
        is(0, "", Outcome.of(0, JOB, "")); // what was said before does not count
        is(2, JOB, Outcome.of(2, JOB, ""));
        is(3, OURS, Outcome.of(3, OURS, ", ignored"));
        String[] noises = {"", "INFO: created", "{", "[]", "{\"error\":\"x\"}", "{\"error\":{}}", "null"};
        for (String noise : noises) {
            is(1, "", Outcome.of(1, noise, ""));
        }
    }

    @Test
    public void ofAProcessThatDiedTheLastWordCounts() {
        is(2, JOB, Outcome.of(null, JOB, ", reason 5"));
        is(3, OURS, Outcome.of(null, OURS, ""));
        is(5, BUG, Outcome.of(null, BUG, ""));
    }

    @Test
    public void withoutAWordItIsToldThatItDied() throws JSONException {
        Outcome silent = Outcome.of(null, "", ", reason 5, status 11");
        assertEquals(2, silent.status);
        JSONObject told = new JSONObject(silent.error).getJSONObject("error");
        assertEquals("agent-died", told.getString("code"));
        assertEquals("job", told.getString("kind"));
        assertEquals("the agent's process ended, reason 5, status 11", told.getString("message"));
        assertEquals("", told.getString("where"));
        assertTrue(told.has("remedy"));
        String last = new JSONObject(Outcome.of(null, "E: \"no\"",
                "").error).getJSONObject("error").getString("message");
        assertEquals("the agent's process ended; it said: E: \"no\"", last);
    }

    @Test
    public void everyCodeHasAStatusAndOneLine() throws JSONException {
        for (Refusal.Code code : Refusal.Code.values()) {
            String line = new Refusal(code, "a/\"b\"", "two\nlines").line();
            assertEquals(-1, line.indexOf('\n'));
            JSONObject told = new JSONObject(line).getJSONObject("error");
            assertEquals(code.text, told.getString("code"));
            assertEquals("two\nlines", told.getString("message"));
            assertEquals("a/\"b\"", told.getString("where"));
            int status = Outcome.refused(new Refusal(code, "", "")).status;
            String kind = told.getString("kind");
            assertEquals(kind.equals("job") ? 2 : kind.equals("infrastructure") ? 3 : 5, status);
        }
    }

    private static void is(int status, String error, Outcome found) {
        assertEquals(status, found.status);
        assertEquals(error, found.error);
    }
}
