"""The CUDA backend: the CPU's lowering written as PTX, on NVIDIA cards by their driver alone."""
