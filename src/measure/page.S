// The page that shows a profile, as bytes of the library.
    .section .rodata
    .global drypoint_profile_page
    .hidden drypoint_profile_page
drypoint_profile_page:
    .incbin "measure/page/profile.html"
    .global drypoint_profile_page_end
    .hidden drypoint_profile_page_end
drypoint_profile_page_end:
    .section .note.GNU-stack,"",%progbits
