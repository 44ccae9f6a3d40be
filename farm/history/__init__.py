"""History that lasts: facts of runs as Parquet by day, and questions to them in SQL."""
