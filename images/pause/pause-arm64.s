// The pause program: process 1 of every pod's sandbox. It holds the pod's namespaces open, lets the kernel reap orphans
// when the pod shares its pid namespace, and ends on SIGTERM and SIGINT. No libc: system calls only.
// Assembled by scripts/build-images.ts: as -o pause.o pause-arm64.s && ld -static -o pause pause.o

        .set SYS_ppoll, 73              // arm64 has no pause
        .set SYS_exit_group, 94
        .set SYS_rt_sigaction, 134
        .set SIGINT, 2
        .set SIGTERM, 15
        .set SIGCHLD, 17
        .set SA_NOCLDWAIT, 0x2

        .section .rodata
        .balign 8
// struct sigaction as the kernel has it: handler, flags, restorer, mask
on_end:
        .quad end, 0, 0, 0
on_child:
        .quad 0, SA_NOCLDWAIT, 0, 0     // the default action, and children leave no zombies

        .text
        .globl _start
_start:
        mov x0, #SIGINT
        ldr x1, =on_end
        bl set_action
        mov x0, #SIGTERM
        ldr x1, =on_end
        bl set_action
        mov x0, #SIGCHLD
        ldr x1, =on_child
        bl set_action
wait:
        mov x0, #0
        mov x1, #0
        mov x2, #0
        mov x3, #0
        mov x4, #0
        mov x8, #SYS_ppoll
        svc #0
        b wait

// rt_sigaction(x0, x1, NULL, 8)
set_action:
        mov x2, #0
        mov x3, #8
        mov x8, #SYS_rt_sigaction
        svc #0
        ret

// The signal handler: process 1 ends with 0, and with it the sandbox.
end:
        mov x0, #0
        mov x8, #SYS_exit_group
        svc #0

        .section .note.GNU-stack, "", %progbits
