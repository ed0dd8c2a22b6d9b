/* The exec helper, whole, as data: the library needs no file beside it, wherever it is linked in or installed. */

__asm__(
    ".section __TEXT,__const\n"
    ".p2align 4\n"
    ".globl _ringmail_exec_helper_begin\n"
    ".globl _ringmail_exec_helper_end\n"
    ".alt_entry _ringmail_exec_helper_end\n" /* the linker keeps it behind what is before it */
    "_ringmail_exec_helper_begin:\n"
    ".incbin \"" RINGMAIL_EXEC_HELPER
    "\"\n"
    "_ringmail_exec_helper_end:\n"
    ".byte 0\n" /* so that the end is a place in the section, too */
    ".text\n");

/* ISO C wants a declaration in every file. */
extern const unsigned char ringmail_exec_helper_begin[];
