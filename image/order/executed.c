/* Plugin for QEMU's user mode: records the addresses of the blocks of instructions that a program executes, in order of first execution.
 *
 *     gcc -shared -fPIC -O2 -o executed.so executed.c
 *     qemu-aarch64 -plugin ./executed.so,into=FILE PROGRAM
 *
 * FILE gets one number of 64 bits for each block, in the machine's order. QEMU translates a block just before it first executes it.
 * Debian packs no header of the interface, so what is needed of its version 1 stands here, as it is documented in QEMU's
 * docs/devel/tcg-plugins.rst and include/qemu/qemu-plugin.h.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;

extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id, struct qemu_plugin_tb *));

EXPORT int qemu_plugin_version = 1;

static int file = -1;

static void translated(plugin_id id, struct qemu_plugin_tb *block) {
    (void)id;
    uint64_t address = qemu_plugin_tb_vaddr(block);
    /* Appended, so that threads do not overwrite each other's numbers. */
    if (write(file, &address, sizeof address) != sizeof address) fputs("executed: FILE is full\n", stderr);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "into=", 5) == 0) file = open(argv[i] + 5, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    }
    if (file < 0) {
        fputs("executed: needs into=FILE\n", stderr);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
