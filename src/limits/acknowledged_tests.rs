use super::*;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};

#[test]
#[cfg(target_endian = "little")]
fn table_lines_are_parsed() {
    let line = "   2: 0100007F:1F90 0200007F:C350 01 0000BEEF:00000000 01:00000014 00000000     0        0 1 1 0 20 4 0 10 -1";
    let ends = Ends::new("127.0.0.1:8080".parse().expect("valid"), "127.0.0.2:50000".parse().expect("valid"));
    assert_eq!(send_queue(line), Some((ends, 0xbeef)));
    let mapped = "0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000200007F:C350 08 0000BEEF:00000000 01:0";
    assert_eq!(send_queue(mapped), Some((ends, 0xbeef)), "IPv4 on a listener of IPv6");
    for none in [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        &line.replace("BEEF", "0000"),
        &line.replace(" 01 ", " 0A "),
        "2: 0100007F:1F90 0200007F",
        "2: 0100007:1F90 0200007F:C350 01 0000BEEF:0",
        "",
    ] {
        assert_eq!(send_queue(none), None, "{none}");
    }
}

#[test]
fn the_kernel_reports_what_the_peer_left_unread() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let reader = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
    let (mut writer, peer) = listener.accept().expect("accepts");
    writer.set_nonblocking(true).expect("sets");
    let chunk = [7; 64 * 1024];
    while writer.write(&chunk).is_ok() {}
    let ends = Ends::new(writer.local_addr().expect("bound"), peer);
    let queued = read_tables().expect("this machine has the tables").get(&ends).copied();
    assert!(queued.is_some_and(|bytes| bytes > 0), "{queued:?}");
    assert_eq!(unacknowledged(Ends { peer: ends.local, local: ends.peer }), Some(0));
    drop(reader);
}
