/* Reads the frames that `morphogen serve --out shm` keeps in shared memory. Linux and macOS; one page, no library.
 *
 *     cc -O2 -o shm_reader shm_reader.c && ./shm_reader /dev/shm/morphogen-shm 100
 *
 * prints, for each of 100 new frames: frame index, width, height, format, first and last pixel byte, torn copies so far.
 * The layout is described byte by byte in outputs.md; this assumes a little-endian machine. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ring { char magic[4]; uint16_t version, header_bytes; uint32_t slots, flags; uint64_t slot_bytes, newest, pid, epoch, zero[2]; };
struct frame { char magic[4]; uint16_t version, header_bytes; uint32_t width, height, row_bytes, format;
               uint64_t index, time_ns, payload; uint32_t generation, flags; uint64_t zero; };
_Static_assert(sizeof(struct ring) == 64 && sizeof(struct frame) == 64, "both headers are 64 bytes");

static uint64_t load(const volatile uint64_t *at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }

/* Map the ring that has the name now, or NULL. A file with a name is whole and never changes its size. */
static struct ring *map_ring(const char *path, size_t *length) {
    int fd = open(path, O_RDONLY);
    struct stat st;
    if (fd < 0) return NULL;
    struct ring *r = fstat(fd, &st) || st.st_size < 64 ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (r == MAP_FAILED) return NULL;
    *length = (size_t)st.st_size;
    if (!memcmp(r->magic, "MGR1", 4) && r->version == 1 && r->slots && r->slot_bytes >= 136
        && r->slots <= (*length - 64) / r->slot_bytes) return r;
    munmap(r, *length);
    return NULL;
}

/* Copy frame n to `head` and `pixels` (slot_bytes large). 0 when the writer was faster: ask for the newest again. */
static int read_frame(struct ring *r, uint64_t n, struct frame *head, uint8_t *pixels) {
    uint8_t *slot = (uint8_t *)r + 64 + (n % r->slots) * r->slot_bytes;
    if (load((uint64_t *)(slot + r->slot_bytes - 8)) != n) return 0;          /* after: not whole, or already another */
    memcpy(head, slot + 64, 64);
    if (memcmp(head->magic, "MGF1", 4) || head->payload > r->slot_bytes - 136) return 0;
    memcpy(pixels, slot + 128, head->payload);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return load((uint64_t *)(slot + 56)) == n;                                /* before: nobody has begun a new one */
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "/dev/shm/morphogen-shm";
    long wanted = argc > 2 ? atol(argv[2]) : 100, torn = 0;
    struct ring *r = NULL;
    uint8_t *pixels = NULL;
    uint64_t seen = 0;
    size_t length = 0;
    while (wanted > 0) {
        if (r && (r->flags & 1)) { munmap(r, length); r = NULL; }             /* retired: open the name again */
        if (!r && (r = map_ring(path, &length))) { pixels = realloc(pixels, r->slot_bytes); seen = 0; }
        uint64_t n = r ? load(&r->newest) : 0;
        if (n == seen || !n) { nanosleep(&(struct timespec){0, 500000}, NULL); continue; }
        struct frame f;
        if (!read_frame(r, n, &f, pixels)) { torn++; continue; }
        seen = n;
        wanted--;
        printf("%llu %u %u %u %u %u %ld\n", (unsigned long long)f.index, f.width, f.height, f.format, pixels[0],
               pixels[f.payload - 1], torn);
        fflush(stdout);
    }
    return 0;
}
