"""The noise behind a voice, steady or not: how loud it is in each second."""
