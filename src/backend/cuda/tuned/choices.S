// Choices measured on Hopper GPUs of 132 multiprocessors, as bytes of the library.
    .section .rodata
    .global drypoint_tuned_hopper
    .hidden drypoint_tuned_hopper
drypoint_tuned_hopper:
    .incbin "backend/cuda/tuned/hopper.json"
    .global drypoint_tuned_hopper_end
    .hidden drypoint_tuned_hopper_end
drypoint_tuned_hopper_end:
    .section .note.GNU-stack,"",%progbits
