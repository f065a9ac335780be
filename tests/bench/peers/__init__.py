"""The programs that are measured, one module each; a module put here takes part.

A peer gives TITLE, LETTER (its place in the table), NEEDS (modules it imports that may be missing), GIVES (the files
below its output folder that hold the events) and `run(logs, out)`. Optional are `prepare(logs, out)`, which runs
beforehand in a process of its own and is not measured, and `count(out)` where rows are no events. A peer imports its
libraries inside these functions: the command reads the constants of peers that are not installed.
"""
