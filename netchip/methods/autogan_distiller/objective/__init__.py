"""How far a student's pictures are from the teacher's: pixel, perceptual, Gram and variation terms over a backbone."""
