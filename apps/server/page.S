// The page to draw on, as bytes of the program.
    .section .rodata
    .global drypoint_server_page
    .hidden drypoint_server_page
drypoint_server_page:
    .incbin "page/page.html"
    .global drypoint_server_page_end
    .hidden drypoint_server_page_end
drypoint_server_page_end:
    .section .note.GNU-stack,"",%progbits
