"""The sandbox's browser side: the stand-in for the vendor's script and the pages that it opens in a frame."""
