"""Gates: conditions over what runs measured, that pass, fail, or have not enough evidence. Pure functions of stored runs."""
