"""What is asked of the machine before anything is measured on it."""
import mmap
import os


def touch_memory(size):
    """A virtual machine's host gives each page on its first use, slowly: that is nobody's cost.

    False, and nothing is touched, where twice as much is not free.
    """
    if os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 2 * size:
        return False
    with mmap.mmap(-1, size) as memory:
        for at in range(0, size, mmap.PAGESIZE):
            memory[at] = 1
    return True
