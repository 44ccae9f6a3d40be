"""What people are told, when, and how it gets to them: one digest a night, and gates that failed at once."""
