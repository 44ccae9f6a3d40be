"""The picture is turned as the sensor that took it was held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

LABEL = "sensor.orientation"
"""Of a capture: degrees clockwise by which a picture must be turned to be upright, as Android's SENSOR_ORIENTATION has it."""

QUARTERS = frozenset({"0", "90", "180", "270"})


def check(evidence: Evidence) -> Finding | None:
    """Applies where the app logged its sensor's orientation and the device's input can be compared with the expected one."""
    told = evidence.latency.header.labels.get(LABEL, "")
    turned = evidence.turned
    if told not in QUARTERS or turned is None:
        return None
    degrees = int(told)
    if turned == 0:
        return Finding(assertion="orientation", holds=True, summary=f"The sensor's {degrees} degrees are undone")
    # A picture that is not turned clockwise by what the sensor says stands turned counter-clockwise by it.
    same = turned == degrees
    return Finding(
        assertion="orientation",
        holds=False,
        summary=f"The sensor is mounted at {degrees} degrees, and the picture reaches the model turned by {turned}"
        f"{': the app does not undo it' if same else ': the app turns it wrongly'}",
        remedy=f"turn the frame by {degrees} degrees clockwise before it is resized",
    )
