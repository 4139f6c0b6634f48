"""How good pictures are, by a fixed protocol: PSNR and SSIM of the luma, distances in a backbone's features."""
