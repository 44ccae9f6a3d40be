"""A model assertion over the frames of a video: an answer that is gone in the next frame is none."""


def score_flicker(window, *, length=3):
    before, now, after = (moment.top1 for moment in window)
    return float(before == after != now)
