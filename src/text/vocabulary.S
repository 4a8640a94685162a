// CLIP's merges, gzipped, as bytes of the library (see vocabulary/README.md).
    .section .rodata
    .global drypoint_clip_merges
    .hidden drypoint_clip_merges
drypoint_clip_merges:
    .incbin "text/vocabulary/clip_merges.txt.gz"
    .global drypoint_clip_merges_end
    .hidden drypoint_clip_merges_end
drypoint_clip_merges_end:
    .section .note.GNU-stack,"",%progbits
