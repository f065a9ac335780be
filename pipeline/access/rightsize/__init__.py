"""Right-sizing: the policies a principal would need, from what it holds and what the log shows; never more than it has.

`propose.propose` makes the proposal for one principal, `worklist.worklist` ranks all; `render` writes either for
people and tools. What is dropped is what the report of unused permissions calls unused or blocked.
"""
