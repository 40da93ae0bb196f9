"""OpenTelemetry for a worker: a span for each request and each call of ``run()``, a record for each log line.

Loaded only where it is switched on. The threads that serve and score put small facts into an outbox and go on; a thread
for each exporter turns them into spans and log records and sends them. What an exporter does not take in time is
dropped and counted.
"""
