"""What hosts say to each other, through a register that a quorum agrees on."""
