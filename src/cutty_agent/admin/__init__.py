"""The operator's API: look at sessions, follow one live, stop its turns, delete it."""
