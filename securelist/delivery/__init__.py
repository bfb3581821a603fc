"""Copies on their way out: made into mails, handed to the next hop one by one, each answer recorded."""
