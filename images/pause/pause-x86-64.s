# The pause program: process 1 of every pod's sandbox. It holds the pod's namespaces open, lets the kernel reap orphans
# when the pod shares its pid namespace, and ends on SIGTERM and SIGINT. No libc: system calls only.
# Assembled by scripts/build-images.ts: as -o pause.o pause-x86-64.s && ld -static -o pause pause.o

        .set SYS_rt_sigaction, 13
        .set SYS_pause, 34
        .set SYS_exit_group, 231
        .set SIGINT, 2
        .set SIGTERM, 15
        .set SIGCHLD, 17
        .set SA_NOCLDWAIT, 0x2
        .set SA_RESTORER, 0x04000000    # without it the kernel refuses to run a handler on x86-64

        .section .rodata
        .balign 8
# struct sigaction as the kernel has it: handler, flags, restorer, mask
on_end:
        .quad end, SA_RESTORER, end, 0
on_child:
        .quad 0, SA_NOCLDWAIT, 0, 0     # the default action, and children leave no zombies

        .text
        .globl _start
_start:
        mov $SIGINT, %edi
        lea on_end(%rip), %rsi
        call set_action
        mov $SIGTERM, %edi
        lea on_end(%rip), %rsi
        call set_action
        mov $SIGCHLD, %edi
        lea on_child(%rip), %rsi
        call set_action
wait:
        mov $SYS_pause, %eax
        syscall
        jmp wait

# rt_sigaction(edi, rsi, NULL, 8)
set_action:
        xor %edx, %edx
        mov $8, %r10d
        mov $SYS_rt_sigaction, %eax
        syscall
        ret

# The signal handler: process 1 ends with 0, and with it the sandbox.
end:
        xor %edi, %edi
        mov $SYS_exit_group, %eax
        syscall

        .section .note.GNU-stack, "", @progbits
