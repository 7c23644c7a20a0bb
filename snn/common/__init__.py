"""What neurons, nets and runs share."""
