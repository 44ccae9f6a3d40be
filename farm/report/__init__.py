"""What people and scripts read: the job document and the HTML page made from it."""
