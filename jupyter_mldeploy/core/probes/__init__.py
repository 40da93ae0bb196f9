"""Asking services on purpose: bodies to send, load, profiles, recorded requests and their replay."""
