"""From differences to a verdict: assertions, findings, the cause."""
