"""What bench/run is made of.

host        which machine this is
manifest    the commands of a language.ini, for the bare side
workloads   what is measured: a source, its answer, its mark
server      a `retort serve` of our own: start, readiness, processes, end
cpu         whose CPU time it was
load        closed-loop clients in threads
measure     rounds: warm up, take turns, collect
report      Markdown tables and JSON
"""
