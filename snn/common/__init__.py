"""Parts that neurons, nets and runs share."""
