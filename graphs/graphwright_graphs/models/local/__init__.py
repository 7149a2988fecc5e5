"""Models of GGUF files: llama.cpp in a process of its own, asked over the loopback.

Native code that fails or takes all cores must not take the service with it. One process serves
each file on a machine, whoever asks.
"""
