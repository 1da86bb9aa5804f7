"""Say how likely a flight is to arrive 15 minutes late or more."""
