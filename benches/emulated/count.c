/* A plugin for QEMU's user mode: how many instructions and system calls the program has executed so far.
 *
 *     gcc -shared -fPIC -O2 -o count.so count.c
 *     qemu-aarch64 -plugin ./count.so,into=FILE PROGRAM
 *
 * FILE becomes 8 KiB that another process can map and read while the program runs: 1024 numbers of 64 bits in the machine's order, first
 * the instructions of all threads together, then the calls of each system call by its number plus one.
 *
 * A block of instructions counts whole when it is entered; what an exception cuts short is counted too (in a server that is a
 * handful at most). Debian packs no header of the interface, so what is needed of its version 1 stands here, as it is documented
 * in QEMU's docs/devel/tcg-plugins.rst and include/qemu/qemu-plugin.h.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
enum { NO_REGISTERS };

extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, void (*entered)(unsigned, void *), int flags, void *data);
extern void qemu_plugin_register_vcpu_syscall_cb(
    plugin_id id,
    void (*called)(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));

EXPORT int qemu_plugin_version = 1;

#define CELLS 1024
static uint64_t *cells;

static void add(size_t cell, uint64_t n) {
    __atomic_fetch_add(&cells[cell], n, __ATOMIC_RELAXED);
}

static void entered(unsigned cpu, void *instructions) {
    (void)cpu;
    add(0, (uintptr_t)instructions);
}

static void translated(plugin_id id, struct qemu_plugin_tb *block) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(block, entered, NO_REGISTERS, (void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

static void called(plugin_id id, unsigned cpu, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
                   uint64_t g, uint64_t h) {
    (void)id, (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number >= 0 && number < CELLS - 1) add((size_t)number + 1, 1);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
    (void)info;
    int file = -1;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "into=", 5) == 0) file = open(argv[i] + 5, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    if (file < 0 || ftruncate(file, CELLS * sizeof *cells) != 0) {
        fputs("count: needs into=FILE\n", stderr);
        return -1;
    }
    cells = mmap(NULL, CELLS * sizeof *cells, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (cells == MAP_FAILED) return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
