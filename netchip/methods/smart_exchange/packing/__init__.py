"""A factored weight in few bits: streams of codes, bitmaps of what is there, the int8 basis; and the fast way back."""
