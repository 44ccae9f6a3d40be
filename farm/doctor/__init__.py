"""`farm doctor`: what of this computer is in the way of a lab, each finding with its remedy. Needs no daemon."""
