"""What lies below the store: files by content, connections, locks, migrations, and nothing half done after a crash."""
