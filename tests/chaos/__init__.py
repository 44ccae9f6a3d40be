"""Everything goes wrong at once, and nothing may be lost: `./run chaos`."""
