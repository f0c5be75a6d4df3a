"""Boot tests of the SD card image: an emulated machine, a card, and clients that act as users.

    card         the copy of the image that the machine boots from
    settings     pichat.toml on that copy, edited as a user would
    machine      the QEMU process: power on, power off, power cut
    console      text on the serial console, and the resulting screen
    report       commands that a shell inside the guest runs
    power_cut    content of a disk with a volatile cache after a power cut
    http_client  the HTTP contract
    websocket    the WebSocket contract
    mdns         another host on the same cable
    checks       checks of single facts
    fixtures     combines these for the scenarios
    scenarios    one file a scenario
"""
