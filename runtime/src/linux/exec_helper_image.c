/* The exec helper, whole, as data: the library needs no file beside it, wherever it is linked in or installed. */

__asm__(
    ".section .rodata\n"
    ".balign 16\n"
    ".global ringmail_exec_helper_begin\n"
    ".global ringmail_exec_helper_end\n"
    "ringmail_exec_helper_begin:\n"
    ".incbin \"" RINGMAIL_EXEC_HELPER
    "\"\n"
    "ringmail_exec_helper_end:\n"
    ".previous\n");

/* ISO C wants a declaration in every file. */
extern const unsigned char ringmail_exec_helper_begin[];
