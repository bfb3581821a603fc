"""What is kept: the log, the posts and their copies, the operator's journal; on SQLite or PostgreSQL."""
