"""History: series of figures over nights, where they shift, and what is told of it. Pure functions of stored points."""
