"""Orchestration only: every module below reads, makes one pure call, writes, and returns metadata."""
