"""Boot tests of the SD card image: an emulated machine, a card, and clients that use the device as people do.

    card         the copy of the image that the machine boots from
    settings     pichat.toml on that copy, edited as a person would
    machine      the QEMU process: power on, power off, power cut
    console      what the device writes on its serial console, and the screen that results
    report       questions that a shell inside the guest answers
    power_cut    what a disk with a volatile cache would have kept at a power cut
    http_client  the HTTP contract
    websocket    the WebSocket contract
    mdns         a neighbour on the same cable
    checks       facts that hold or do not
    fixtures     puts these together for the scenarios
    scenarios    one file a story
"""
