"""What this project costs beside its peers, measured on whole processes over loopback."""
