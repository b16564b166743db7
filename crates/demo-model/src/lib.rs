//! A small scripted language model, so that LionRocket runs without a key or a network.
