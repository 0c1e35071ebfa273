"""One file for each noun in the URL. A handler reads, calls one verb, answers."""
