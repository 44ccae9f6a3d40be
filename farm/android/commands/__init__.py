"""The commands, by topic; `farm.android.catalogue` finds what is in these modules."""
