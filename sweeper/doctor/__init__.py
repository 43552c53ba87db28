"""What `sweeper doctor` looks at: one file a subject, each giving findings with what to do about them."""
