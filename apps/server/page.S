// The page to draw on, as bytes of the program: each file between two names.
    .macro embed name, file
    .global drypoint_server_\name
    .hidden drypoint_server_\name
drypoint_server_\name:
    .incbin "page/\file"
    .global drypoint_server_\name\()_end
    .hidden drypoint_server_\name\()_end
drypoint_server_\name\()_end:
    .endm

    .section .rodata
    embed page, page.html
    embed style, page.css
    embed texts, texts.js
    embed asking, server.js
    embed board, board.js
    embed settings, settings.js
    embed drawing, draw.js
    .section .note.GNU-stack,"",%progbits
