"""What a method costs: latency, throughput, memory, operations, training. The protocol is in ``docs/timing.md``."""
