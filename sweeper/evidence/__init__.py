"""What a study's runs say, for reports, launches and notebooks alike."""
