"""The CPU backend: code that LLVM writes for this very processor, drawn by one thread a core."""
