"""A run of the user's own app: frames to it, its captures from it. docs/attach.md is the contract."""
