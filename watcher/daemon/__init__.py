"""The daemon: its schedule, jobs and watchdog, signals, and the service manager."""
