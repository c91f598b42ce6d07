"""The vocabulary of speech that asr, diarizer and gateway share, its wire form, and the engines' shared parts."""
