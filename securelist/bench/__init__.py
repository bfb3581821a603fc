"""What a post costs on this machine, measured on the real product, beside what others do in the same run."""
