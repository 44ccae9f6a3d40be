package dev.exray.bench;

/** Where a command of the agent's runs. On a phone that is {@link AgentProcess}. */
interface Host {
    /**
     * Runs it to its end; no later than {@code seconds} from now, where that is not 0.
     *
     * @throws Refusal it could not be started, or took too long
     */
    Outcome run(Work work, int seconds, Listener listener) throws Refusal, InterruptedException;
}
