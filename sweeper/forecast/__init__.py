"""What a plan will take: seconds, memory, disk, schedule and statistical power."""
