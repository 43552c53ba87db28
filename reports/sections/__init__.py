"""What a report says, section by section, in blocks that HTML and PDF both render."""
