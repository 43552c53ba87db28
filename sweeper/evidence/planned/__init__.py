"""What a study's claims can detect, before anything runs."""
