"""The stages of a pipeline, one file each; `../all_stages.py` lists them."""
