"""From a sentence to a style: guides, concepts, fit, guided ascent. Needs torch (extra `train`); serving never does."""
